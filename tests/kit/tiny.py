"""A tiny service at work, and the places around it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Subscription
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.process.runtime import Runtime
from roadbike.kit.process.service import Service, whenever
from roadbike.kit.process.settings import ServiceSettings
from tests.at_work import settings
from tests.kit.things import Counter, Noted, Raised, counters, message

PATIENCE = 20  # seconds, for a busy machine


class Heart:
    """What the tiny service does when it hears; a test may hold or spoil it."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, tx: Tx, event: Raised) -> None:
        counter = await counters.locked(tx, event.name) or Counter(name=event.name)
        counters.save(tx, replace(counter, value=counter.value + 1))
        publish(tx, Noted(name=event.name))
        if self.meanwhile is not None:
            await self.meanwhile()


class Places:
    """A broker in which the tiny service is told of counters, and listened to."""

    def __init__(self, log: MemoryLog, teller: MemoryBroker, notes: Subscription) -> None:
        self.log, self._teller, self._notes = log, teller, notes

    async def publish(self, *names: str) -> None:
        await self._teller.send([message(Raised(name=name)) for name in names])

    async def heard(self, count: int) -> list[str]:
        """What was noted next, at least that many times."""
        keys: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while len(keys) < count:
                received = await self._notes.fetch(1000, PATIENCE)
                await self._notes.ack(received)
                keys += [one.message.key for one in received]
        return keys


def service(db: Database, heart: Heart, **more: Any) -> Service:
    return Service(
        name="tiny",
        settings=msgspec.convert(settings("tiny", "sqlite+aiosqlite://"), ServiceSettings),
        db=db,
        policies=[whenever(Raised, heart)],
        publishes=(Noted,),
        **more,
    )


@asynccontextmanager
async def at_work(tiny: Service, log: MemoryLog) -> AsyncIterator[Runtime]:
    broker = MemoryBroker(log)
    runtime = Runtime(tiny, broker)
    async with runtime.running():
        yield runtime
    await broker.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            pass  # it asks the database, so that others get their turn


async def is_quiet(runtime: Runtime) -> bool:
    status = await runtime.status()
    return (status.unsent, status.lag, status.parked) == (0, 0, 0)
