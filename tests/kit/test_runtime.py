"""A small service: it consumes, acts and publishes, also through failures and stops."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

from sqlalchemy import update

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.db.lease import TERM
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.messaging.parked import PARKED
from roadbike.kit.process.runtime import FETCH_SIZE, Runtime
from roadbike.kit.process.service import every
from tests.kit.counter_service import (
    TIMEOUT_SECONDS,
    CountUp,
    Neighbours,
    is_idle,
    running,
    service,
    wait_until,
)
from tests.kit.counters import Incremented, Noted, value
from tests.past import past


async def test_consumed_events_take_effect_and_are_published_on(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    async with running(service(db, count_up), neighbours.log) as runtime:
        await neighbours.publish("a", "b", "a")
        notes = await neighbours.consumed(3)
        await wait_until(lambda: is_idle(runtime))

    assert sorted(notes) == ["a", "a", "b"]
    assert (await value(db, "a"), await value(db, "b")) == (2, 1)


async def test_a_backlog_larger_than_one_fetch_is_consumed(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    names = [f"n{number % 50}" for number in range(5 * FETCH_SIZE + 1)]
    await neighbours.publish(*names)

    async with running(service(db, count_up), neighbours.log) as runtime:
        await neighbours.consumed(len(names))
        await wait_until(lambda: is_idle(runtime))

    assert [await value(db, f"n{number}") for number in (0, 1, 49)] == [21, 20, 20]


async def test_events_that_arrive_twice_and_out_of_order_take_effect_once(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    neighbours.log.repeat_acknowledged, neighbours.log.shuffle = True, Random(7)  # noqa: S311
    names = [f"n{number % 5}" for number in range(300)]
    await neighbours.publish(*names)

    async with running(service(db, count_up), neighbours.log) as runtime:
        await neighbours.consumed(300)
        await wait_until(lambda: is_idle(runtime))

    assert [await value(db, f"n{number}") for number in range(5)] == [60] * 5


async def test_two_replicas_share_the_work(
    db: Database,
    count_up: CountUp,
    neighbours: Neighbours,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    other = service(open_database(database_url), count_up)
    names = [f"n{number % 7}" for number in range(700)]

    async with (
        running(service(db, count_up), neighbours.log) as one,
        running(other, neighbours.log),
    ):
        await neighbours.publish(*names)
        await wait_until(lambda: is_idle(one))

    assert [await value(db, f"n{number}") for number in range(7)] == [100] * 7


async def test_a_stop_during_a_batch_neither_loses_nor_repeats_an_event(
    db: Database, count_up: CountUp, neighbours: Neighbours
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

    count_up.before_commit = hold
    watched = service(db, count_up, timed=[every(seconds=60, do=until_it_is_stopped)])
    async with asyncio.timeout(TIMEOUT_SECONDS), running(watched, neighbours.log):
        await neighbours.publish("a", "b")
        await reached.wait()
    async with running(service(db, count_up), neighbours.log) as runtime:
        notes = await neighbours.consumed(2)
        await wait_until(lambda: is_idle(runtime))

    assert sorted(notes) == ["a", "b"]
    assert (await value(db, "a"), await value(db, "b")) == (1, 1)


async def test_after_a_stop_no_task_of_it_is_left(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    before = asyncio.all_tasks()

    async with running(service(db, count_up), neighbours.log):
        await neighbours.publish("a")
        await neighbours.consumed(1)

    assert asyncio.all_tasks() == before


async def test_a_stop_gives_the_relays_lease_back(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    for _ in range(3):
        async with running(service(db, count_up), neighbours.log):
            await neighbours.publish("a")
            async with asyncio.timeout(TERM.total_seconds()):
                await neighbours.consumed(1)

    assert await value(db, "a") == 3


async def test_an_event_that_fails_is_parked_counted_and_retried(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    async def fail() -> None:
        raise LookupError

    count_up.before_commit = fail
    async with running(service(db, count_up), neighbours.log) as runtime:
        await neighbours.publish("a")
        await wait_until(lambda: is_parked(runtime, 1))
        count_up.before_commit = None
        await neighbours.publish("b")
        first = await neighbours.consumed(1)
        async with db.begin() as tx:
            await tx.execute(update(PARKED).values(retry_at=await past(tx)))
        second = await neighbours.consumed(1)
        await wait_until(lambda: is_idle(runtime))

    assert (first, second) == (["b"], ["a"])


async def is_parked(runtime: Runtime, number: int) -> bool:
    return (await runtime.status()).parked == number


async def test_timed_work_continues_after_a_failure(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    failures = iter([LookupError(), DatabaseUnavailable("connection lost")])
    done = asyncio.Event()

    async def work(_db: Database) -> None:
        for failure in failures:
            raise failure
        done.set()

    async with (
        running(
            service(db, count_up, timed=[every(seconds=0, do=work)]), neighbours.log
        ) as runtime,
        asyncio.timeout(TIMEOUT_SECONDS),
    ):
        await done.wait()

    assert not runtime.failed.is_set()


async def test_the_status_counts_what_is_left_to_do(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    async def pending(_tx: Tx) -> int:
        return 3

    async with running(
        service(db, count_up, gauges={"pending": pending}), neighbours.log
    ) as runtime:
        await wait_until(lambda: is_idle(runtime))
        status = await runtime.status()

    assert status.flat() == {
        "ready": False,
        "service": "counter",
        "database": db.dialect,
        "broker": True,
        "lag": 0,
        "lags": {"test.counters": 0},
        "unsent_seconds": 0,
        "published": 0,
        "unsent": 0,
        "parked": 0,
        "stuck": 0,
        "missing": 0,
        "dead": 0,
        "kept": 0,
        "refused": 0,
        "lag_ms": 0.0,
        "limits": {},
        "shed": {},
        "breakers": {},
        "pending": 3,
    }


async def test_lag_counts_the_messages_that_are_not_acknowledged(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    reached, may_continue = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await may_continue.wait()

    count_up.before_commit = hold
    async with running(service(db, count_up), neighbours.log) as runtime:
        await neighbours.publish("a", "b", "c")
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await reached.wait()
        if db.dialect == "postgresql":
            await neighbours.publish("d")
        lag = (await runtime.status()).lag
        may_continue.set()
        await wait_until(lambda: is_idle(runtime))

    assert lag == (4 if db.dialect == "postgresql" else 3)


async def test_resources_are_open_while_it_runs(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        steps.append("open")
        yield
        steps.append("closed")

    async with running(service(db, count_up, resources=[resource()]), neighbours.log):
        steps.append("running")

    assert steps == ["open", "running", "closed"]


async def test_a_part_that_ends_is_reported_as_failed(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    async with running(service(db, count_up), neighbours.log) as runtime:
        async with db.begin() as tx:
            publish(tx, Noted(name="a"))
            publish(tx, Incremented(name="a"))  # a service publishes to one topic only
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await runtime.failed.wait()
