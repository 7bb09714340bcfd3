"""A transaction takes effect completely or not at all; callbacks run only after its commit."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError

from roadbike.kit.db import Database, StaleRow, Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.database import CLOCK_REFRESH_SECONDS, MAX_ATTEMPTS
from tests.kit.counters import COUNTERS, counters, increment, value

MILLISECOND: Final = timedelta(milliseconds=1)

Rows = list[dict[str, object]]


def rows(*names: str, start: int = 0) -> Rows:
    return [{"name": name, "value": start, "row_version": 1} for name in names]


async def count(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.scalar(select(func.count()).select_from(COUNTERS)))


async def test_a_block_is_committed_at_its_end(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a", "b"))

    assert await count(db) == 2


async def test_a_block_that_raises_is_rolled_back(db: Database) -> None:
    async def block(tx: Tx) -> None:
        await tx.execute(COUNTERS.insert(), rows("a"))
        raise LookupError

    with pytest.raises(LookupError):
        await db.transact(block)

    assert await count(db) == 0


async def test_a_cancelled_block_is_rolled_back_and_frees_its_connection(
    db: Database,
) -> None:
    async def hang(started: asyncio.Event) -> None:
        async with db.begin() as tx:
            await tx.execute(COUNTERS.insert(), rows("a"))
            started.set()
            await asyncio.Event().wait()

    for _ in range(30):  # more than the connections of the pool
        started = asyncio.Event()
        hanging = asyncio.create_task(hang(started))
        await started.wait()
        hanging.cancel()
        await asyncio.wait([hanging])

    assert await count(db) == 0
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a"))
    assert await count(db) == 1


async def test_at_commit_writes_all_items_once_and_in_order(db: Database) -> None:
    calls: list[list[str]] = []

    async def write(tx: Tx, names: list[str]) -> None:
        calls.append(names)
        await tx.execute(COUNTERS.insert(), rows(*names))

    async with db.begin() as tx:
        tx.at_commit(write, "b")
        tx.at_commit(write, "a")
        assert calls == []

    assert calls == [["b", "a"]]
    assert await count(db) == 2


async def test_at_commit_writes_nothing_after_a_rollback(db: Database) -> None:
    async def write(tx: Tx, names: list[str]) -> None:
        await tx.execute(COUNTERS.insert(), rows(*names))

    async def block(tx: Tx) -> None:
        tx.at_commit(write, "a")
        raise LookupError

    with pytest.raises(LookupError):
        await db.transact(block)

    assert await count(db) == 0


async def test_after_commit_is_called_after_the_commit(db: Database) -> None:
    calls: list[str] = []

    async with db.begin() as tx:
        tx.after_commit(lambda: calls.append("committed"))
        before = list(calls)

    assert before == []
    assert calls == ["committed"]


async def test_after_commit_is_not_called_when_the_commit_fails(db: Database) -> None:
    calls: list[str] = []

    async def fail(_tx: Tx, _items: list[str]) -> None:
        raise LookupError

    async def block(tx: Tx) -> None:
        tx.after_commit(lambda: calls.append("committed"))
        tx.at_commit(fail, "x")

    with pytest.raises(LookupError):
        await db.transact(block)

    assert calls == []


async def test_a_use_case_with_a_stale_row_is_run_again(db: Database) -> None:
    runs = 0

    async def use_case(tx: Tx) -> str:
        nonlocal runs
        runs += 1
        await tx.execute(COUNTERS.insert(), rows(f"run {runs}"))
        if runs < 3:
            raise StaleRow
        return "done"

    result = await db.transact(use_case)

    assert (result, runs) == ("done", 3)
    assert await count(db) == 1  # only of the last run


async def test_a_use_case_with_stale_rows_is_given_up_after_the_last_attempt(db: Database) -> None:
    runs = 0

    async def use_case(_tx: Tx) -> None:
        nonlocal runs
        runs += 1
        raise StaleRow

    with pytest.raises(StaleRow):
        await db.transact(use_case)

    assert runs == MAX_ATTEMPTS


async def test_a_use_case_with_another_error_is_not_run_again(db: Database) -> None:
    runs = 0

    async def use_case(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await tx.execute(COUNTERS.insert(), rows("a"))
        await tx.execute(COUNTERS.insert(), rows("a"))

    with pytest.raises(IntegrityError):
        await db.transact(use_case)

    assert runs == 1
    assert await count(db) == 0


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_both_use_cases_of_a_deadlock_succeed(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a", "b"))
    both_have_a_lock = asyncio.Barrier(2)
    must_wait = [True, True]

    def incrementing(first: str, second: str, index: int) -> Callable[[Tx], Awaitable[None]]:
        async def use_case(tx: Tx) -> None:
            await increment(tx, first)
            if must_wait[index]:
                must_wait[index] = False
                await both_have_a_lock.wait()
            await increment(tx, second)

        return use_case

    first, second = incrementing("a", "b", 0), incrementing("b", "a", 1)
    await asyncio.gather(db.transact(first), db.transact(second))

    assert (await value(db, "a"), await value(db, "b")) == (2, 2)


async def test_only_new_rows_are_inserted_and_returned(db: Database) -> None:
    async with db.begin() as tx:
        await insert_new(tx, COUNTERS, rows("a", start=7))

    async with db.begin() as tx:
        inserted = await insert_new(tx, COUNTERS, rows("a", "b", "c"))
        none = await insert_new(tx, COUNTERS, [])

    assert inserted == {"b", "c"}
    assert none == set()
    assert await value(db, "a") == 7


async def test_thousands_of_rows_are_inserted_with_one_call(db: Database) -> None:
    names = [f"n{number}" for number in range(12_000)]

    async with db.begin() as tx:
        first = await insert_new(tx, COUNTERS, rows(*names[::2]))
        second = await insert_new(tx, COUNTERS, rows(*names))

    assert first == set(names[::2])
    assert second == set(names[1::2])


async def test_a_reader_does_not_wait_for_a_writer(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a"))
        seen = await count(db)

    assert seen == 0
    assert await count(db) == 1


async def test_a_reader_sees_what_was_committed_before_it_began(db: Database) -> None:
    for number in range(1, 20):
        async with db.begin() as tx:
            await tx.execute(COUNTERS.insert(), rows(f"n{number}"))
        assert await count(db) == number


async def test_many_concurrent_writers_all_succeed(db: Database) -> None:
    async def write(number: int) -> None:
        async with db.begin() as tx:
            await tx.execute(COUNTERS.insert(), rows(f"n{number}"))

    await asyncio.gather(*(write(number) for number in range(100)))

    assert await count(db) == 100


async def test_a_row_maps_column_names_to_values(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a", start=3))
        row = await tx.row(select(COUNTERS))
        missing = await counters.get(tx, "b")

    assert row is not None
    assert dict(row) == {"name": "a", "value": 3, "row_version": 1}
    assert missing is None


async def test_now_is_the_databases_clock_with_few_queries(db: Database) -> None:
    db = db.background  # one engine for reads and writes
    queries: list[str] = []
    event.listen(db.engine.sync_engine, "before_cursor_execute", lambda *a: queries.append(a[2]))

    async with db.read() as tx:
        await tx.now()
        before = await tx.scalar(select(utc_now()))
        times = [await tx.now() for _ in range(100)]
        after = await tx.scalar(select(utc_now()))

    assert before - MILLISECOND <= min(times)  # SQLite's clock counts milliseconds
    assert max(times) <= after + timedelta(seconds=CLOCK_REFRESH_SECONDS)
    assert 3 <= len(queries) <= 2 + 2  # ours are two


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: with less, a power cut loses commits
        ("foreign_keys", 1),
        ("busy_timeout", 5000),
    ],
)
async def test_sqlite_is_configured_to_survive_a_power_cut(
    db: Database, pragma: str, value: object
) -> None:
    async with db.begin() as writing, db.read() as reading:
        found = [await tx.scalar(text(f"PRAGMA {pragma}")) for tx in (writing, reading)]

    assert found == [value, value]
