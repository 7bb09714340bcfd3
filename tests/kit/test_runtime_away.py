"""A tiny service at work while its broker or its database is away."""

from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.outbox import publish
from tests.kit.things import Noted, Raised, message, value
from tests.kit.tiny import Heart, Places, at_work, is_quiet, service, until


async def test_a_broker_that_was_away_is_gone_back_to(
    db: Database, heart: Heart, places: Places
) -> None:
    async with at_work(service(db, heart), places.log) as runtime:
        await places.publish("a")
        await places.heard(1)
        places.log.away = True
        async with db.begin() as tx:
            publish(tx, Noted(name="meanwhile"))
        away = await runtime.status()
        places.log.away = False
        await places.publish("a")
        notes = await places.heard(2)
        await until(lambda: is_quiet(runtime))

    assert (away.broker, away.lag, away.unsent) == (False, None, 1)
    assert sorted(notes) == ["a", "meanwhile"]
    assert await value(db, "a") == 2


async def test_a_broker_that_is_away_at_the_start_does_not_keep_it_from_starting(
    db: Database, heart: Heart, places: Places
) -> None:
    places.log.away = True

    async with at_work(service(db, heart), places.log) as runtime:
        status = await runtime.status()
        places.log.away = False
        await places.publish("a")
        await places.heard(1)

    assert (status.broker, status.lag) == (False, None)


async def test_a_topic_that_nobody_declared_yet_is_waited_for(db: Database, heart: Heart) -> None:
    log = MemoryLog()
    late = MemoryBroker(log)

    async with at_work(service(db, heart), log) as runtime:
        lag = (await runtime.status()).lag
        await late.declare(Raised.topic)
        await late.send([message(Raised(name="a"))])
        await until(lambda: has(db, "a", 1))

    assert lag is None


async def has(db: Database, name: str, number: int) -> bool:
    return await value(db, name) == number


async def test_a_database_that_was_away_costs_no_attempt(
    db: Database, heart: Heart, places: Places
) -> None:
    failures = iter(range(2))

    async def fail_twice() -> None:
        if next(failures, None) is not None:
            raise DatabaseUnavailable("pulled the plug")

    heart.meanwhile = fail_twice
    async with at_work(service(db, heart), places.log) as runtime:
        await places.publish("a")
        await places.heard(1)
        status = await runtime.status()

    assert (status.parked, status.dead) == (0, 0)
    assert await value(db, "a") == 1
