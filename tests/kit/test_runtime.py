"""A running service consumes, acts and publishes, despite failures and stops."""

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
from tests.kit.counter_service import (
    TIMEOUT_SECONDS,
    CountingUseCase,
    Peer,
    counter_service,
    is_idle,
    running,
    wait_until,
)
from tests.kit.counters import Incremented, Noted, value


async def test_a_consumed_event_takes_effect_and_publishes_another(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    async with running(counter_service(db, use_case), peer.log) as runtime:
        await peer.publish("a", "b", "a")
        notes = await peer.consume_notes(3)
        await wait_until(lambda: is_idle(runtime))

    assert sorted(notes) == ["a", "a", "b"]
    assert (await value(db, "a"), await value(db, "b")) == (2, 1)


async def test_a_backlog_of_many_fetches_is_consumed(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    names = [f"n{number % 50}" for number in range(5 * FETCH + 1)]
    await peer.publish(*names)

    async with running(counter_service(db, use_case), peer.log) as runtime:
        await peer.consume_notes(len(names))
        await wait_until(lambda: is_idle(runtime))

    assert [await value(db, f"n{number}") for number in (0, 1, 49)] == [21, 20, 20]


async def test_messages_delivered_twice_and_in_disorder_take_effect_once(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    peer.log.repeat_acknowledged, peer.log.shuffle = True, Random(7)  # noqa: S311
    names = [f"n{number % 5}" for number in range(300)]
    await peer.publish(*names)

    async with running(counter_service(db, use_case), peer.log) as runtime:
        await peer.consume_notes(300)
        await wait_until(lambda: is_idle(runtime))

    assert [await value(db, f"n{number}") for number in range(5)] == [60] * 5


async def test_two_replicas_share_the_messages(
    db: Database,
    use_case: CountingUseCase,
    peer: Peer,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    other = counter_service(open_database(database_url), use_case)
    names = [f"n{number % 7}" for number in range(700)]

    async with running(counter_service(db, use_case), peer.log) as one, running(other, peer.log):
        await peer.publish(*names)
        await wait_until(lambda: is_idle(one))

    assert [await value(db, f"n{number}") for number in range(7)] == [100] * 7


async def test_a_stop_during_a_batch_loses_and_repeats_nothing(
    db: Database, use_case: CountingUseCase, peer: Peer
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

    use_case.before_commit = hold
    stoppable = counter_service(db, use_case, timed=[every(seconds=60, do=until_it_is_stopped)])
    async with asyncio.timeout(TIMEOUT_SECONDS), running(stoppable, peer.log):
        await peer.publish("a", "b")
        await reached.wait()
    async with running(counter_service(db, use_case), peer.log) as runtime:
        notes = await peer.consume_notes(2)
        await wait_until(lambda: is_idle(runtime))

    assert sorted(notes) == ["a", "b"]
    assert (await value(db, "a"), await value(db, "b")) == (1, 1)


async def test_after_a_stop_no_task_is_left(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    before = asyncio.all_tasks()

    async with running(counter_service(db, use_case), peer.log):
        await peer.publish("a")
        await peer.consume_notes(1)

    assert asyncio.all_tasks() == before


async def test_a_restarted_service_does_not_wait_for_the_old_lease(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    for _ in range(3):
        async with running(counter_service(db, use_case), peer.log):
            await peer.publish("a")
            async with asyncio.timeout(TERM.total_seconds()):
                await peer.consume_notes(1)

    assert await value(db, "a") == 3


async def test_a_failing_message_is_parked_counted_and_retried(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    async def fail() -> None:
        raise LookupError

    use_case.before_commit = fail
    async with running(counter_service(db, use_case), peer.log) as runtime:
        await peer.publish("a")
        await wait_until(lambda: is_parked(runtime, 1))
        use_case.before_commit = None
        await peer.publish("b")
        first = await peer.consume_notes(1)
        async with db.begin() as tx:
            await tx.execute(update(PARKED).values(retry_at=await tx.now()))
        second = await peer.consume_notes(1)
        await wait_until(lambda: is_idle(runtime))

    assert (first, second) == (["b"], ["a"])


async def is_parked(runtime: Runtime, number: int) -> bool:
    return bool((await runtime.status())["parked"] == number)


async def test_timed_work_continues_after_a_failure(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    failures = iter([LookupError(), DatabaseUnavailable("stopped")])
    done = asyncio.Event()

    async def work(_db: Database) -> None:
        for failure in failures:
            raise failure
        done.set()

    async with (
        running(
            counter_service(db, use_case, timed=[every(seconds=0, do=work)]), peer.log
        ) as runtime,
        asyncio.timeout(TIMEOUT_SECONDS),
    ):
        await done.wait()

    assert not runtime.failed.is_set()


async def test_the_status_shows_the_counts_and_the_gauges(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    async def pending(_tx: Tx) -> int:
        return 3

    async with running(
        counter_service(db, use_case, gauges={"pending": pending}), peer.log
    ) as runtime:
        await wait_until(lambda: is_idle(runtime))
        status = await runtime.status()

    assert status == {
        "service": "counter",
        "database": db.dialect,
        "broker": True,
        "lag": 0,
        "published": 0,
        "unsent": 0,
        "parked": 0,
        "dead": 0,
        "pending": 3,
    }


async def test_lag_counts_unacknowledged_messages(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    reached, may_continue = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await may_continue.wait()

    use_case.before_commit = hold
    async with running(counter_service(db, use_case), peer.log) as runtime:
        await peer.publish("a", "b", "c")
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await reached.wait()
        if db.dialect == "postgresql":
            await peer.publish("d")
        lag = (await runtime.status())["lag"]
        may_continue.set()
        await wait_until(lambda: is_idle(runtime))

    assert lag == (4 if db.dialect == "postgresql" else 3)


async def test_resources_are_open_while_the_service_runs(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        steps.append("open")
        yield
        steps.append("closed")

    async with running(counter_service(db, use_case, resources=[resource()]), peer.log):
        steps.append("running")

    assert steps == ["open", "running", "closed"]


async def test_a_task_that_fails_for_good_is_reported(
    db: Database, use_case: CountingUseCase, peer: Peer
) -> None:
    async with running(counter_service(db, use_case), peer.log) as runtime:
        async with db.begin() as tx:
            publish(tx, Noted(name="a"))
            publish(tx, Incremented(name="a"))  # of another topic: a service publishes to one only
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await runtime.failed.wait()
