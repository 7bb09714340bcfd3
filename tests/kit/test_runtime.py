"""A tiny service at work: it hears, acts and tells, through failures and stops."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

from sqlalchemy import update

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.db.lease import TERM
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.messaging.parked import PARKED
from roadbike.kit.process.runtime import FETCH, Runtime
from roadbike.kit.process.service import every
from tests.kit.things import Noted, Raised, value
from tests.kit.tiny import PATIENCE, Heart, Places, at_work, is_quiet, service, until


async def test_what_it_hears_takes_effect_and_is_told_on(
    db: Database, heart: Heart, places: Places
) -> None:
    async with at_work(service(db, heart), places.log) as runtime:
        await places.publish("a", "b", "a")
        notes = await places.heard(3)
        await until(lambda: is_quiet(runtime))

    assert sorted(notes) == ["a", "a", "b"]
    assert (await value(db, "a"), await value(db, "b")) == (2, 1)


async def test_a_backlog_of_many_fetches_is_worked_off(
    db: Database, heart: Heart, places: Places
) -> None:
    names = [f"n{number % 50}" for number in range(5 * FETCH + 1)]
    await places.publish(*names)

    async with at_work(service(db, heart), places.log) as runtime:
        await places.heard(len(names))
        await until(lambda: is_quiet(runtime))

    assert [await value(db, f"n{number}") for number in (0, 1, 49)] == [21, 20, 20]


async def test_what_comes_twice_and_in_disorder_takes_effect_once(
    db: Database, heart: Heart, places: Places
) -> None:
    places.log.twice, places.log.shuffle = True, Random(7)  # noqa: S311
    names = [f"n{number % 5}" for number in range(300)]
    await places.publish(*names)

    async with at_work(service(db, heart), places.log) as runtime:
        await places.heard(300)
        await until(lambda: is_quiet(runtime))

    assert [await value(db, f"n{number}") for number in range(5)] == [60] * 5


async def test_two_replicas_share_the_work(
    db: Database,
    heart: Heart,
    places: Places,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    other = service(open_database(database_url), heart)
    names = [f"n{number % 7}" for number in range(700)]

    async with at_work(service(db, heart), places.log) as one, at_work(other, places.log):
        await places.publish(*names)
        await until(lambda: is_quiet(one))

    assert [await value(db, f"n{number}") for number in range(7)] == [100] * 7


async def test_a_stop_in_the_middle_loses_nothing_and_repeats_nothing(
    db: Database, heart: Heart, places: Places
) -> None:
    reached, stopping = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await stopping.wait()

    async def until_it_is_stopped(_db: Database) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopping.set()

    heart.meanwhile = hold
    watched = service(db, heart, timed=[every(seconds=60, do=until_it_is_stopped)])
    async with asyncio.timeout(PATIENCE), at_work(watched, places.log):
        await places.publish("a", "b")
        await reached.wait()
    async with at_work(service(db, heart), places.log) as runtime:
        notes = await places.heard(2)
        await until(lambda: is_quiet(runtime))

    assert sorted(notes) == ["a", "b"]
    assert (await value(db, "a"), await value(db, "b")) == (1, 1)


async def test_after_a_stop_nothing_of_it_is_left_at_work(
    db: Database, heart: Heart, places: Places
) -> None:
    before = asyncio.all_tasks()

    async with at_work(service(db, heart), places.log):
        await places.publish("a")
        await places.heard(1)

    assert asyncio.all_tasks() == before


async def test_the_next_one_need_not_wait_for_the_lease_of_one_that_stopped(
    db: Database, heart: Heart, places: Places
) -> None:
    for _ in range(3):
        async with at_work(service(db, heart), places.log):
            await places.publish("a")
            async with asyncio.timeout(TERM.total_seconds()):
                await places.heard(1)

    assert await value(db, "a") == 3


async def test_what_fails_is_parked_counted_and_done_once_it_can_be(
    db: Database, heart: Heart, places: Places
) -> None:
    async def fail() -> None:
        raise LookupError

    heart.meanwhile = fail
    async with at_work(service(db, heart), places.log) as runtime:
        await places.publish("a")
        await until(lambda: is_parked(runtime, 1))
        heart.meanwhile = None
        await places.publish("b")
        first = await places.heard(1)
        async with db.begin() as tx:
            await tx.execute(update(PARKED).values(retry_at=await tx.now()))
        second = await places.heard(1)
        await until(lambda: is_quiet(runtime))

    assert (first, second) == (["b"], ["a"])


async def is_parked(runtime: Runtime, number: int) -> bool:
    return (await runtime.status()).parked == number


async def test_timed_work_goes_on_after_it_failed(
    db: Database, heart: Heart, places: Places
) -> None:
    failures = iter([LookupError(), DatabaseUnavailable("pulled the plug")])
    done = asyncio.Event()

    async def work(_db: Database) -> None:
        for failure in failures:
            raise failure
        done.set()

    async with (
        at_work(service(db, heart, timed=[every(seconds=0, do=work)]), places.log) as runtime,
        asyncio.timeout(PATIENCE),
    ):
        await done.wait()

    assert not runtime.failed.is_set()


async def test_the_status_counts_what_has_to_be_nothing_in_a_quiet_shop(
    db: Database, heart: Heart, places: Places
) -> None:
    async def intents(_tx: Tx) -> int:
        return 3

    async with at_work(service(db, heart, gauges={"pending": intents}), places.log) as runtime:
        await until(lambda: is_quiet(runtime))
        status = await runtime.status()

    assert status.flat() == {
        "ready": False,
        "service": "tiny",
        "database": db.dialect,
        "broker": True,
        "lag": 0,
        "published": 0,
        "unsent": 0,
        "parked": 0,
        "dead": 0,
        "pending": 3,
    }


async def test_lag_counts_what_is_not_yet_acknowledged(
    db: Database, heart: Heart, places: Places
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await go_on.wait()

    heart.meanwhile = hold
    async with at_work(service(db, heart), places.log) as runtime:
        await places.publish("a", "b", "c")
        async with asyncio.timeout(PATIENCE):
            await reached.wait()
        if db.dialect == "postgresql":
            await places.publish("d")
        lag = (await runtime.status()).lag
        go_on.set()
        await until(lambda: is_quiet(runtime))

    assert lag == (4 if db.dialect == "postgresql" else 3)


async def test_resources_are_open_while_it_is_at_work(
    db: Database, heart: Heart, places: Places
) -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        steps.append("open")
        yield
        steps.append("closed")

    async with at_work(service(db, heart, resources=[resource()]), places.log):
        steps.append("at work")

    assert steps == ["open", "at work", "closed"]


async def test_a_part_that_ends_never_to_come_back_is_said_aloud(
    db: Database, heart: Heart, places: Places
) -> None:
    async with at_work(service(db, heart), places.log) as runtime:
        async with db.begin() as tx:
            publish(tx, Noted(name="a"))
            publish(tx, Raised(name="a"))  # of another topic, which a service never does
        async with asyncio.timeout(PATIENCE):
            await runtime.failed.wait()
