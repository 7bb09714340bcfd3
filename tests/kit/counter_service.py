"""A small service that counts, and the broker around it."""

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
from tests.kit.counters import Counter, Incremented, Noted, counters, message
from tests.service_harness import settings

TIMEOUT_SECONDS = 20  # enough on a busy machine


class CountUp:
    """The use case of the service: increment a counter. A test may set `before_commit`."""

    def __init__(self) -> None:
        self.before_commit: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, tx: Tx, event: Incremented) -> None:
        counter = await counters.locked(tx, event.name) or Counter(name=event.name)
        counters.save(tx, replace(counter, value=counter.value + 1))
        publish(tx, Noted(name=event.name))
        if self.before_commit is not None:
            await self.before_commit()


class Neighbours:
    """Publishes the events that the service consumes, and consumes those it publishes."""

    def __init__(self, log: MemoryLog, publisher: MemoryBroker, notes: Subscription) -> None:
        self.log, self._publisher, self._notes = log, publisher, notes

    async def publish(self, *names: str) -> None:
        await self._publisher.send([message(Incremented(name=name)) for name in names])

    async def consumed(self, count: int) -> list[str]:
        """Return the keys of the next `Noted` events, at least `count`."""
        keys: list[str] = []
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(keys) < count:
                received = await self._notes.fetch(1000, TIMEOUT_SECONDS)
                await self._notes.ack(received)
                keys += [each.message.key for each in received]
        return keys


def service(db: Database, count_up: CountUp, **more: Any) -> Service:
    return Service(
        name="counter",
        settings=msgspec.convert(settings("counter", "sqlite+aiosqlite://"), ServiceSettings),
        db=db,
        policies=[whenever(Incremented, count_up)],
        publishes=(Noted,),
        **more,
    )


@asynccontextmanager
async def running(service: Service, log: MemoryLog) -> AsyncIterator[Runtime]:
    broker = MemoryBroker(log)
    runtime = Runtime(service, broker)
    async with runtime.running():
        yield runtime
    await broker.close()


async def wait_until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not await holds():
            pass  # `holds` asks the database, so other tasks run meanwhile


async def is_idle(runtime: Runtime) -> bool:
    status = await runtime.status()
    return (status.unsent, status.lag, status.parked) == (0, 0, 0)
