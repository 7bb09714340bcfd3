"""A replica that hangs in a transaction holds the others up for two seconds at most."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from roadbike.kit.db import Database, DatabaseUnavailable, Tx, bulk
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.pure.rooms import BACKGROUND, IDLE_IN_TRANSACTION_MS, WRITES
from tests.kit.counters import COUNTERS, Counter, counters, increment, value
from tests.kit.parked_messages import FailingHandler, make_due, messages, parked

pytestmark = pytest.mark.parametrize("dialect", ["postgresql"])

IDLE_SECONDS = IDLE_IN_TRANSACTION_MS / 1000
SLACK_SECONDS = 2.0  # on a busy machine


@pytest.fixture
def other(open_database: Callable[[str], Database], database_url: str) -> Database:
    """The database as another replica uses it."""
    return open_database(database_url)


@dataclass
class Hanging:
    """A transaction that stays open. ended: the error that it met when it went on."""

    ended: Exception | None = None


@asynccontextmanager
async def hanging(db: Database, work: str) -> AsyncIterator[Hanging]:
    """Run the statement in a transaction that then neither goes on nor ends during the block."""
    hangs, goes_on, hung = asyncio.Event(), asyncio.Event(), Hanging()

    async def hang() -> None:
        try:
            async with db.begin() as tx:
                await tx.execute(text(work))
                hangs.set()
                await goes_on.wait()
                await tx.execute(text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 the test looks at it
            hung.ended = error

    task = asyncio.create_task(hang())
    await hangs.wait()
    try:
        yield hung
    finally:
        goes_on.set()
        await task


LOCK_A = "SELECT * FROM counters WHERE name = 'a' FOR UPDATE"
INSERT_A = "INSERT INTO counters VALUES ('a', 5, 1)"


async def count_up(tx: Tx) -> None:
    await increment(tx, "a")


async def save(db: Database, *names: str) -> None:
    async with db.begin() as tx:
        for name in names:
            counters.save(tx, Counter(name=name))


@pytest.mark.parametrize("lock", [LOCK_A, INSERT_A])
async def test_a_lock_is_waited_for_half_a_second_and_is_then_unavailable(
    db: Database, other: Database, lock: str
) -> None:
    if lock == LOCK_A:
        await save(db, "a")

    async with hanging(other, lock):
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await db.transact(count_up)
        waited = time.monotonic() - began

    assert WRITES.lock_ms / 1000 <= waited < IDLE_SECONDS


async def test_the_locks_of_a_hung_transaction_are_free_after_two_seconds(
    db: Database, other: Database
) -> None:
    await save(db, "a")

    async with hanging(other, LOCK_A) as hung:
        began = time.monotonic()
        await until_it_succeeds(lambda: db.transact(count_up))
        waited = time.monotonic() - began

    assert waited < IDLE_SECONDS + SLACK_SECONDS
    assert isinstance(hung.ended, DatabaseUnavailable)
    assert await value(db, "a") == 1


async def test_a_hung_replica_that_goes_on_can_use_the_database_at_once(
    db: Database, other: Database
) -> None:
    async with hanging(other, LOCK_A) as hung:
        await until_it_succeeds(lambda: ended_by_the_server(db))

    await other.transact(count_up)

    assert isinstance(hung.ended, DatabaseUnavailable)


async def ended_by_the_server(db: Database) -> None:
    async with db.read() as tx:
        open_ = await tx.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
                " AND datname = current_database()"
            )
        )
    if open_:
        raise DatabaseUnavailable("not yet")


async def test_a_statement_that_takes_too_long_is_unavailable(db: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with db.read() as tx:
            await tx.execute(text("SELECT pg_sleep(10)"))

    await db.ready()


async def test_a_message_that_waits_for_a_hung_replica_does_not_count_as_failed(
    db: Database, other: Database, inbox: Inbox
) -> None:
    (event,) = messages("a")

    async with hanging(
        other,
        f"INSERT INTO inbox VALUES ('{event.topic}', '{event.event_id}', now())",  # noqa: S608 our own
    ):
        with pytest.raises(DatabaseUnavailable):
            await inbox.consume([event])
        await until_it_succeeds(lambda: inbox.consume([event]))

    assert await parked(db) == []
    assert await value(db, "a") == 1


async def test_free_rows_are_locked_and_others_are_left(db: Database, other: Database) -> None:
    await save(db, "a", "b", "c")

    async with hanging(other, LOCK_A), db.begin() as tx:
        free = await counters.lock_free(tx, ["c", "b", "a", "missing"])
        locked = [await counters.locked(tx, name) for name in sorted(free)]

    assert free == {"b", "c"}
    assert [counter and counter.name for counter in locked] == ["b", "c"]


async def test_rows_that_a_hung_replica_deletes_are_left_to_it(
    db: Database, other: Database
) -> None:
    await save(db, "a", "b")

    async with hanging(other, "DELETE FROM counters WHERE name = 'a'"):
        async with db.begin() as tx:
            await bulk.delete_some(tx, COUNTERS, COUNTERS.c.value == 0)
        async with db.read() as tx:
            left = await tx.scalar(text("SELECT string_agg(name, '') FROM counters"))

    assert left == "a"


async def test_a_parked_message_that_a_hung_replica_retries_does_not_hold_up_the_others(
    db: Database, other: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0, 1}
    await inbox.consume(messages("ab"))
    await make_due(db)
    handler.fails_on = set()

    async with hanging(other, "SELECT * FROM parked WHERE key = 'a' FOR UPDATE"):
        began = time.monotonic()
        await inbox.retry_parked(db)
        waited = time.monotonic() - began

    assert [row["key"] for row in await parked(db)] == ["a"]
    assert waited < BACKGROUND.lock_ms / 1000


async def test_a_parked_message_whose_rows_are_locked_does_not_hold_up_the_others(
    db: Database, other: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    await save(db, "a")
    handler.fails_on = {0, 1}
    await inbox.consume(messages("ab"))
    await make_due(db)
    handler.fails_on = set()

    async with hanging(other, LOCK_A):
        await inbox.retry_parked(db)
        left = await parked(db)
    await inbox.retry_parked(db)

    assert [(row["key"], row["attempts"]) for row in left] == [("a", 1)]
    assert await parked(db) == []


async def until_it_succeeds(attempt: Callable[[], object]) -> None:
    async with asyncio.timeout(IDLE_SECONDS + 2 * SLACK_SECONDS):
        while True:
            try:
                return await attempt()  # type: ignore[misc]
            except DatabaseUnavailable:
                await asyncio.sleep(0.02)
