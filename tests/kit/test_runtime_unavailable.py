"""A small service while its broker or its database is unavailable."""

from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.outbox import publish
from tests.kit.counter_service import CountUp, Neighbours, is_idle, running, service, wait_until
from tests.kit.counters import Incremented, Noted, message, value


async def test_it_continues_when_the_broker_is_available_again(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    async with running(service(db, count_up), neighbours.log) as runtime:
        await neighbours.publish("a")
        await neighbours.consumed(1)
        neighbours.log.unavailable = True
        async with db.begin() as tx:
            publish(tx, Noted(name="meanwhile"))
        meanwhile = await runtime.status()
        neighbours.log.unavailable = False
        await neighbours.publish("a")
        notes = await neighbours.consumed(2)
        await wait_until(lambda: is_idle(runtime))

    assert (meanwhile.broker, meanwhile.lag, meanwhile.unsent) == (False, None, 1)
    assert sorted(notes) == ["a", "meanwhile"]
    assert await value(db, "a") == 2


async def test_it_starts_while_the_broker_is_unavailable(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    neighbours.log.unavailable = True

    async with running(service(db, count_up), neighbours.log) as runtime:
        status = await runtime.status()
        neighbours.log.unavailable = False
        await neighbours.publish("a")
        await neighbours.consumed(1)

    assert (status.broker, status.lag) == (False, None)


async def test_it_waits_for_a_topic_and_a_group_that_are_not_made_yet(
    db: Database, count_up: CountUp
) -> None:
    log = MemoryLog()
    late = MemoryBroker(log)

    async with running(service(db, count_up), log) as runtime:
        before = await runtime.status()
        await late.set_up({Incremented.topic: ()})
        await late.send([message(Incremented(name="a"))])
        without_group = await runtime.status()
        await late.set_up({Incremented.topic: ("counter",)})
        await wait_until(lambda: has(db, "a", 1))

        await late.set_up({Noted.topic: ()})
        await wait_until(lambda: is_idle(runtime))
        after = await runtime.status()

    assert (before.lag, before.missing) == (None, 2)  # and the topic of its own events
    assert (without_group.lag, without_group.missing) == (None, 2)
    assert (after.lag, after.missing) == (0, 0)


async def has(db: Database, name: str, number: int) -> bool:
    return await value(db, name) == number


async def test_an_unavailable_database_does_not_count_as_a_failed_attempt(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    failures = iter(range(2))

    async def fail_twice() -> None:
        if next(failures, None) is not None:
            raise DatabaseUnavailable("connection lost")

    count_up.before_commit = fail_twice
    async with running(service(db, count_up), neighbours.log) as runtime:
        await neighbours.publish("a")
        await neighbours.consumed(1)
        status = await runtime.status()

    assert (status.parked, status.dead) == (0, 0)
    assert await value(db, "a") == 1
