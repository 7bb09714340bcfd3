"""Old and new replicas in one group: no event is acknowledged that only the new one consumes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import msgspec
import pytest

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging import consumed, kept, parked
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.parked import ParkedState
from roadbike.kit.process.runtime import Runtime
from roadbike.kit.process.service import Service, whenever
from roadbike.kit.process.settings import ServiceSettings
from tests.kit.counter_service import TIMEOUT_SECONDS, wait_until
from tests.kit.counters import Incremented, increment, message, value
from tests.service_harness import settings

EVENTS = 10


class Decremented(Incremented, frozen=True, kw_only=True):
    """An event of the counters that only newer code knows."""

    topic: ClassVar[str] = Incremented.topic


OLD_TYPES = frozenset({Incremented.type_name()})
NEW_TYPES = OLD_TYPES | {Decremented.type_name()}


async def count(tx: Tx, event: Incremented) -> None:
    await increment(tx, event.name)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
async def publisher(log: MemoryLog) -> MemoryBroker:
    broker = MemoryBroker(log)
    await broker.set_up({Incremented.topic: ("counter",)})
    return broker


@asynccontextmanager
async def replica(
    db: Database, log: MemoryLog, *events: type[Incremented], known: frozenset[str]
) -> AsyncIterator[Runtime]:
    """Run a replica that has a policy for these events and whose code knows those types."""
    service = Service(
        name="counter",
        settings=msgspec.convert(settings("counter", "sqlite+aiosqlite://"), ServiceSettings),
        db=db,
        policies=[whenever(event, count) for event in events],
    )
    broker = MemoryBroker(log)
    runtime = Runtime(service, broker, known)
    async with runtime.running():
        await wait_until(runtime_has_subscribed(runtime))
        yield runtime
    await broker.close()


def runtime_has_subscribed(runtime: Runtime) -> Callable[[], Any]:
    async def subscribed() -> bool:
        return (await runtime.status()).lag is not None

    return subscribed


def old(db: Database, log: MemoryLog, known: frozenset[str] = OLD_TYPES) -> Any:
    return replica(db, log, Incremented, known=known)


def new(db: Database, log: MemoryLog) -> Any:
    return replica(db, log, Incremented, Decremented, known=NEW_TYPES)


async def send(publisher: MemoryBroker, name: str = "a", number: int = EVENTS) -> None:
    """Publish one by one, so that both replicas fetch."""
    for _ in range(number):
        await publisher.send([message(Decremented(name=name))])
        await asyncio.sleep(0)


async def counted(db: Database, name: str, number: int) -> None:
    async def is_so() -> bool:
        return await value(db, name) == number

    async with asyncio.timeout(TIMEOUT_SECONDS):
        await wait_until(is_so)


async def kept_messages(db: Database) -> int:
    async with db.read() as tx:
        return await kept.count(tx)


@pytest.mark.parametrize("known", [OLD_TYPES, NEW_TYPES], ids=["new type", "new policy"])
async def test_side_by_side_all_events_take_effect(
    db: Database, log: MemoryLog, publisher: MemoryBroker, known: frozenset[str]
) -> None:
    async with new(db, log), old(db, log, known):
        await send(publisher)

        await counted(db, "a", EVENTS)

    assert await kept_messages(db) == 0


async def test_an_old_replica_alone_keeps_what_its_code_does_not_know(
    db: Database, log: MemoryLog, publisher: MemoryBroker
) -> None:
    async with old(db, log) as runtime:
        await send(publisher)
        await wait_until(lambda: holds(runtime, lag=0, kept=EVENTS))
        assert await value(db, "a") == 0

    async with new(db, log) as runtime:
        await counted(db, "a", EVENTS)
        await wait_until(lambda: holds(runtime, kept=0, parked=0, dead=0))


async def test_after_a_roll_back_events_wait_for_the_newer_code(
    db: Database, log: MemoryLog, publisher: MemoryBroker
) -> None:
    async with new(db, log):
        await wait_until(lambda: announced(db, NEW_TYPES))
    async with old(db, log, NEW_TYPES) as runtime:
        await send(publisher)
        await wait_until(lambda: holds(runtime, lag=0, kept=EVENTS))

    async with new(db, log):
        await counted(db, "a", EVENTS)


async def test_a_kept_event_does_not_hold_up_the_others_of_its_key(
    db: Database, log: MemoryLog, publisher: MemoryBroker
) -> None:
    async with old(db, log):
        await send(publisher, number=1)
        await publisher.send([message(Incremented(name="a"))])

        await counted(db, "a", 1)

    assert await kept_messages(db) == 1


async def test_what_the_code_knows_and_nobody_consumes_is_not_kept(
    db: Database, log: MemoryLog, publisher: MemoryBroker
) -> None:
    async with old(db, log, NEW_TYPES) as runtime:
        await send(publisher)
        await wait_until(lambda: holds(runtime, lag=0))

    assert await kept_messages(db) == 0


async def test_kept_events_that_newer_code_does_not_need_are_deleted(
    db: Database, log: MemoryLog, publisher: MemoryBroker
) -> None:
    async with old(db, log) as runtime:
        await send(publisher)
        await wait_until(lambda: holds(runtime, kept=EVENTS))

    async with old(db, log, NEW_TYPES) as runtime:
        await wait_until(lambda: holds(runtime, kept=0, parked=0, dead=0))


@pytest.mark.usefixtures("publisher")
async def test_an_old_replica_does_not_retry_what_a_new_one_has_parked(
    db: Database, log: MemoryLog
) -> None:
    async with new(db, log):
        pass
    async with db.begin() as tx:
        await parked.park(tx, message(Decremented(name="a")), "failed", attempts=1)

    async with old(db, log) as runtime:
        await runtime.inbox.retry_parked(db)

    async with db.read() as tx:
        row = await tx.row(parked.PARKED.select())
    assert row is not None
    assert (row["state"], row["attempts"]) == (ParkedState.PARKED, 1)


async def test_an_event_of_unknown_type_from_another_source_is_refused(
    db: Database, log: MemoryLog, publisher: MemoryBroker
) -> None:
    foreign = replace(message(Decremented(name="a")), source="somebody")

    async with old(db, log) as runtime:
        await publisher.send([foreign])
        await wait_until(lambda: holds(runtime, lag=0, refused=1))

    assert await kept_messages(db) == 0


async def announced(db: Database, types: frozenset[str]) -> bool:
    async with db.read() as tx:
        return types <= await consumed.announced(tx)


async def holds(runtime: Runtime, **wanted: int) -> bool:
    status = await runtime.status()
    return {name: getattr(status, name) for name in wanted} == wanted
