"""A transaction takes effect whole or not at all, and says so only then."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError

from roadbike.kit.db import Database, StaleRow, Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.database import CLOCK_SECONDS, TRIES
from tests.kit.things import COUNTERS, counters, raise_counter, value

MILLISECOND: Final = timedelta(milliseconds=1)

Rows = list[dict[str, object]]


def rows(*names: str, start: int = 0) -> Rows:
    return [{"name": name, "value": start, "row_version": 1} for name in names]


async def count(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.scalar(select(func.count()).select_from(COUNTERS)))


async def test_what_a_block_wrote_is_there_after_it(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a", "b"))

    assert await count(db) == 2


async def test_a_block_that_raises_leaves_nothing(db: Database) -> None:
    async def block(tx: Tx) -> None:
        await tx.execute(COUNTERS.insert(), rows("a"))
        raise LookupError

    with pytest.raises(LookupError):
        await db.transact(block)

    assert await count(db) == 0


async def test_a_block_that_is_cancelled_leaves_nothing_and_frees_its_connection(
    db: Database,
) -> None:
    async def hang(started: asyncio.Event) -> None:
        async with db.begin() as tx:
            await tx.execute(COUNTERS.insert(), rows("a"))
            started.set()
            await asyncio.Event().wait()

    for _ in range(30):  # more than the pool has
        started = asyncio.Event()
        hanging = asyncio.create_task(hang(started))
        await started.wait()
        hanging.cancel()
        await asyncio.wait([hanging])

    assert await count(db) == 0
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a"))
    assert await count(db) == 1


async def test_what_was_put_off_is_written_once_and_in_order(db: Database) -> None:
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


async def test_what_was_put_off_is_forgotten_with_its_transaction(db: Database) -> None:
    async def write(tx: Tx, names: list[str]) -> None:
        await tx.execute(COUNTERS.insert(), rows(*names))

    async def block(tx: Tx) -> None:
        tx.at_commit(write, "a")
        raise LookupError

    with pytest.raises(LookupError):
        await db.transact(block)

    assert await count(db) == 0


async def test_after_commit_comes_after_the_commit(db: Database) -> None:
    told: list[str] = []

    async with db.begin() as tx:
        tx.after_commit(lambda: told.append("committed"))
        before = list(told)

    assert before == []
    assert told == ["committed"]


async def test_after_commit_does_not_come_when_the_commit_fails(db: Database) -> None:
    told: list[str] = []

    async def fail(_tx: Tx, _items: list[str]) -> None:
        raise LookupError

    async def block(tx: Tx) -> None:
        tx.after_commit(lambda: told.append("committed"))
        tx.at_commit(fail, "x")

    with pytest.raises(LookupError):
        await db.transact(block)

    assert told == []


async def test_a_use_case_that_was_too_slow_is_run_again(db: Database) -> None:
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
    assert await count(db) == 1  # of the last run alone


async def test_a_use_case_that_is_always_too_slow_gives_up_in_the_end(db: Database) -> None:
    runs = 0

    async def use_case(_tx: Tx) -> None:
        nonlocal runs
        runs += 1
        raise StaleRow

    with pytest.raises(StaleRow):
        await db.transact(use_case)

    assert runs == TRIES


async def test_any_other_failure_is_not_run_again(db: Database) -> None:
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
async def test_of_two_that_deadlock_both_succeed(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a", "b"))
    both_hold_one = asyncio.Barrier(2)
    meet = [True, True]

    def taking(first: str, second: str, who: int) -> Callable[[Tx], object]:
        async def use_case(tx: Tx) -> None:
            await raise_counter(tx, first)
            if meet[who]:
                meet[who] = False
                await both_hold_one.wait()
            await raise_counter(tx, second)

        return use_case

    await asyncio.gather(db.transact(taking("a", "b", 0)), db.transact(taking("b", "a", 1)))  # type: ignore[arg-type]

    assert (await value(db, "a"), await value(db, "b")) == (2, 2)


async def test_only_new_rows_are_inserted_and_named(db: Database) -> None:
    async with db.begin() as tx:
        await insert_new(tx, COUNTERS, rows("a", start=7))

    async with db.begin() as tx:
        inserted = await insert_new(tx, COUNTERS, rows("a", "b", "c"))
        nothing = await insert_new(tx, COUNTERS, [])

    assert inserted == {"b", "c"}
    assert nothing == set()
    assert await value(db, "a") == 7


async def test_thousands_of_rows_are_inserted_in_one_go(db: Database) -> None:
    names = [f"n{number}" for number in range(12_000)]

    async with db.begin() as tx:
        first = await insert_new(tx, COUNTERS, rows(*names[::2]))
        second = await insert_new(tx, COUNTERS, rows(*names))

    assert first == set(names[::2])
    assert second == set(names[1::2])


async def test_a_reader_waits_for_no_writer(db: Database) -> None:
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


async def test_many_writers_at_once_all_get_their_turn(db: Database) -> None:
    async def write(number: int) -> None:
        async with db.begin() as tx:
            await tx.execute(COUNTERS.insert(), rows(f"n{number}"))

    await asyncio.gather(*(write(number) for number in range(100)))

    assert await count(db) == 100


async def test_a_row_is_given_by_its_columns_names(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(COUNTERS.insert(), rows("a", start=3))
        row = await tx.row(select(COUNTERS))
        missing = await counters.get(tx, "b")

    assert row is not None
    assert dict(row) == {"name": "a", "value": 3, "row_version": 1}
    assert missing is None


async def test_now_is_the_databases_clock_though_it_is_seldom_asked(db: Database) -> None:
    asked: list[str] = []
    event.listen(db.engine.sync_engine, "before_cursor_execute", lambda *a: asked.append(a[2]))

    async with db.read() as tx:
        await tx.now()
        before = await tx.scalar(select(utc_now()))
        times = [await tx.now() for _ in range(100)]
        after = await tx.scalar(select(utc_now()))

    assert before - MILLISECOND <= min(times)  # SQLite's clock has whole ones
    assert max(times) <= after + timedelta(seconds=CLOCK_SECONDS)
    assert len(asked) <= 2 + 2


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: with less a power cut takes commits away
        ("foreign_keys", 1),
        ("busy_timeout", 5000),
    ],
)
async def test_sqlite_is_set_up_to_outlive_a_power_cut(
    db: Database, pragma: str, value: object
) -> None:
    async with db.begin() as writing, db.read() as reading:
        found = [await tx.scalar(text(f"PRAGMA {pragma}")) for tx in (writing, reading)]

    assert found == [value, value]
