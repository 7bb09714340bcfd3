"""Rows are loaded with a lock and saved with optimistic locking: no update gets lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import event, text

from roadbike.kit.db import Database, StaleRow, Tx
from tests.kit.counters import Counter, counters, increment, value


async def test_a_row_that_does_not_exist_is_none(db: Database) -> None:
    async with db.begin() as tx:
        locked = await counters.locked(tx, "a")
        unlocked = await counters.get(tx, "a")

    assert locked is None
    assert unlocked is None


async def test_a_saved_row_counts_its_saves(db: Database) -> None:
    async with db.begin() as tx:
        counters.save(tx, Counter(name="a", value=5))
    async with db.begin() as tx:
        first = await counters.locked(tx, "a")
        counters.save(tx, replace(first or Counter(name="a"), value=6))
    async with db.read() as tx:
        second = await counters.get(tx, "a")

    assert first == Counter(name="a", value=5, row_version=1)
    assert second == Counter(name="a", value=6, row_version=2)


async def test_a_transaction_sees_its_own_saves(db: Database) -> None:
    async with db.begin() as tx:
        counters.save(tx, Counter(name="a", value=1))
        seen = await counters.locked(tx, "a")

    assert seen == Counter(name="a", value=1)


async def test_a_row_saved_many_times_is_written_once(db: Database) -> None:
    async def three_times(tx: Tx) -> None:
        for _ in range(3):
            await increment(tx, "a")

    await db.transact(three_times)
    await db.transact(three_times)

    async with db.read() as tx:
        counter = await counters.get(tx, "a")
    assert counter == Counter(name="a", value=6, row_version=2)


async def test_a_batch_is_loaded_in_one_query(db: Database) -> None:
    async with db.begin() as tx:
        for name in "abc":
            counters.save(tx, Counter(name=name))
    queries: list[str] = []
    event.listen(db.engine.sync_engine, "before_cursor_execute", lambda *a: queries.append(a[2]))

    async with db.begin() as tx:
        await counters.lock(tx, ["c", "a", "x", "a"])
        found = [await counters.locked(tx, name) for name in "acx"]

    assert [counter and counter.name for counter in found] == ["a", "c", None]
    assert len([query for query in queries if query.startswith("SELECT")]) == 1


async def test_many_rows_are_saved_at_once(db: Database) -> None:
    async def increment_all(tx: Tx) -> None:
        names = [f"n{number}" for number in range(3_000)]
        await counters.lock(tx, names)
        for name in names:
            await increment(tx, name)

    await db.transact(increment_all)
    await db.transact(increment_all)

    assert {await value(db, name) for name in ("n0", "n1234", "n2999")} == {2}


async def test_ten_concurrent_transactions_lose_no_update(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        await increment(tx, "a")

    await asyncio.gather(*(db.transact(use_case) for _ in range(10)))  # creates the row, too
    await asyncio.gather(*(db.transact(use_case) for _ in range(10)))

    assert await value(db, "a") == 20


async def test_ten_concurrent_transactions_without_locks_lose_no_update(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        counter = await counters.get(tx, "a") or Counter(name="a")
        counters.save(tx, replace(counter, value=counter.value + 1))

    await asyncio.gather(*(db.transact(use_case) for _ in range(10)))

    assert await value(db, "a") == 10


async def test_two_processes_lose_no_update(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    other = open_database(database_url)

    async def use_case(tx: Tx) -> None:
        await increment(tx, "a")

    await asyncio.gather(*(database.transact(use_case) for database in [db, other] * 10))

    assert await value(db, "a") == 20


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_of_two_transactions_that_create_a_row_one_is_run_again(db: Database) -> None:
    runs = 0
    both_found_none = asyncio.Barrier(2)

    async def use_case(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        counter = await counters.locked(tx, "a")
        if counter is None:
            await both_found_none.wait()
        found = counter or Counter(name="a")
        counters.save(tx, replace(found, value=found.value + 1))

    await asyncio.gather(db.transact(use_case), db.transact(use_case))

    assert runs == 3
    assert await value(db, "a") == 2


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_saving_a_row_that_was_changed_meanwhile_raises_stale_row(db: Database) -> None:
    await db.transact(increment_a)

    async def change_meanwhile(tx: Tx) -> None:
        counter = await counters.get(tx, "a")
        await db.transact(increment_a)
        counters.save(tx, replace(counter or Counter(name="a"), value=99))

    with pytest.raises(StaleRow, match="counters"):
        async with db.begin() as tx:
            await change_meanwhile(tx)

    assert await value(db, "a") == 2


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_stale_row_rolls_back_the_whole_transaction(db: Database) -> None:
    await db.transact(increment_a)

    async def change_meanwhile(tx: Tx) -> None:
        counter = await counters.get(tx, "a")
        await db.transact(increment_a)
        counters.save(tx, Counter(name="b", value=1))
        counters.save(tx, counter or Counter(name="a"))

    with pytest.raises(StaleRow):
        async with db.begin() as tx:
            await change_meanwhile(tx)

    assert await value(db, "b") == 0


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_locked_row_is_locked_for_other_transactions(db: Database) -> None:
    await db.transact(increment_a)

    async with db.begin() as tx:
        await counters.locked(tx, "a")
        async with db.read() as other:
            waiting = text("SELECT 1 FROM counters WHERE name = 'a' FOR UPDATE SKIP LOCKED")
            skipped = await other.scalar(waiting)

    assert skipped is None


async def test_a_row_deleted_in_the_same_transaction_is_inserted_again(db: Database) -> None:
    await db.transact(increment_a)

    async def delete_then_save(tx: Tx) -> None:
        counter = await counters.locked(tx, "a")
        await tx.execute(counters.table.delete())
        counters.save(tx, counter or Counter(name="a"))

    await db.transact(delete_then_save)

    async with db.read() as tx:
        assert await counters.get(tx, "a") == Counter(name="a", value=1, row_version=2)


async def test_of_several_states_only_the_changed_ones_are_saved(db: Database) -> None:
    await db.transact(increment_a)

    async def save_both(tx: Tx) -> None:
        loaded = await counters.get(tx, "a")
        assert loaded is not None
        counters.remember(tx, loaded)
        counters.save_changed(tx, [loaded, Counter(name="b", value=1)])
        counters.save_changed(tx, [Counter(name="b", value=2)])

    await db.transact(save_both)

    async with db.read() as tx:
        assert await counters.get(tx, "a") == Counter(name="a", value=1, row_version=1)
        assert await counters.get(tx, "b") == Counter(name="b", value=2, row_version=1)


async def increment_a(tx: Tx) -> None:
    await increment(tx, "a")


async def test_use_cases_that_lock_in_opposite_orders_all_succeed(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    other = open_database(database_url)
    names = ["a", "b", "c", "d"]

    def in_order(order: list[str]) -> Callable[[Tx], Awaitable[None]]:
        async def use_case(tx: Tx) -> None:
            for name in order:
                await increment(tx, name)

        return use_case

    orders = [names, names[::-1], names[2:] + names[:2]]
    await asyncio.gather(
        *(database.transact(in_order(order)) for database in (db, other) for order in orders)
    )

    assert [await value(db, name) for name in names] == [6] * 4
