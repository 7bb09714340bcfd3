"""A running service while its broker or its database is unavailable."""

from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.outbox import publish
from tests.kit.counter_service import (
    CountingUseCase,
    Peer,
    counter_service,
    is_idle,
    running,
    wait_until,
)
from tests.kit.counters import Incremented, Noted, message, value


async def test_a_service_continues_after_the_broker_was_unavailable(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    async with running(counter_service(db, use_case), peer.log) as runtime:
        await peer.publish("a")
        await peer.consume_notes(1)
        peer.log.unavailable = True
        async with db.begin() as tx:
            publish(tx, Noted(name="meanwhile"))
        status = await runtime.status()
        peer.log.unavailable = False
        await peer.publish("a")
        notes = await peer.consume_notes(2)
        await wait_until(lambda: is_idle(runtime))

    assert (
        status["broker"],
        status["lag"],
        status["unsent"],
    ) == (False, None, 1)
    assert sorted(notes) == ["a", "meanwhile"]
    assert await value(db, "a") == 2


async def test_a_service_starts_while_the_broker_is_unavailable(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    peer.log.unavailable = True

    async with running(counter_service(db, use_case), peer.log) as runtime:
        status = await runtime.status()
        peer.log.unavailable = False
        await peer.publish("a")
        await peer.consume_notes(1)

    assert (status["broker"], status["lag"]) == (False, None)


async def test_a_service_waits_for_a_topic_that_is_not_declared_yet(
    db: Database, use_case: CountingUseCase
) -> None:
    log = MemoryLog()
    late = MemoryBroker(log)

    async with running(counter_service(db, use_case), log) as runtime:
        lag = (await runtime.status())["lag"]
        await late.declare(Incremented.topic)
        await late.send([message(Incremented(name="a"))])
        await wait_until(lambda: has_value(db, "a", 1))

    assert lag is None


async def has_value(db: Database, name: str, number: int) -> bool:
    return await value(db, name) == number


async def test_an_unavailable_database_does_not_count_as_a_failed_attempt(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    failures = iter(range(2))

    async def fail_twice() -> None:
        if next(failures, None) is not None:
            raise DatabaseUnavailable("stopped")

    use_case.before_commit = fail_twice
    async with running(counter_service(db, use_case), peer.log) as runtime:
        await peer.publish("a")
        await peer.consume_notes(1)
        status = await runtime.status()

    assert (status["parked"], status["dead"]) == (0, 0)
    assert await value(db, "a") == 1
