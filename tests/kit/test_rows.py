"""Two transactions never act on two halves: of ten that load and save at once none is lost."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import event, text

from roadbike.kit.db import Database, StaleRow, Tx
from tests.kit.things import Counter, counters, raise_counter, value


async def test_a_row_that_nobody_made_is_none(db: Database) -> None:
    async with db.begin() as tx:
        locked = await counters.locked(tx, "a")
        unlocked = await counters.get(tx, "a")

    assert locked is None
    assert unlocked is None


async def test_a_saved_row_is_there_and_counts_its_saves(db: Database) -> None:
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
            await raise_counter(tx, "a")

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
    async def all_of_them(tx: Tx) -> None:
        names = [f"n{number}" for number in range(3_000)]
        await counters.lock(tx, names)
        for name in names:
            await raise_counter(tx, name)

    await db.transact(all_of_them)
    await db.transact(all_of_them)

    assert {await value(db, name) for name in ("n0", "n1234", "n2999")} == {2}


async def test_ten_that_load_and_save_at_once_lose_nothing(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        await raise_counter(tx, "a")

    await asyncio.gather(*(db.transact(use_case) for _ in range(10)))  # the row is made here too
    await asyncio.gather(*(db.transact(use_case) for _ in range(10)))

    assert await value(db, "a") == 20


async def test_ten_that_forget_to_lock_lose_nothing_either(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        counter = await counters.get(tx, "a") or Counter(name="a")
        counters.save(tx, replace(counter, value=counter.value + 1))

    await asyncio.gather(*(db.transact(use_case) for _ in range(10)))

    assert await value(db, "a") == 10


async def test_two_processes_that_write_lose_nothing(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    other = open_database(database_url)

    async def use_case(tx: Tx) -> None:
        await raise_counter(tx, "a")

    await asyncio.gather(*(each.transact(use_case) for each in [db, other] * 10))

    assert await value(db, "a") == 20


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_of_two_that_make_the_same_row_one_is_run_again(db: Database) -> None:
    runs = 0
    both_saw_none = asyncio.Barrier(2)

    async def use_case(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        counter = await counters.locked(tx, "a")
        if counter is None:
            await both_saw_none.wait()
        found = counter or Counter(name="a")
        counters.save(tx, replace(found, value=found.value + 1))

    await asyncio.gather(db.transact(use_case), db.transact(use_case))

    assert runs == 3
    assert await value(db, "a") == 2


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_row_that_was_changed_in_between_is_stale(db: Database) -> None:
    await db.transact(raise_a)

    async def too_slow(tx: Tx) -> None:
        counter = await counters.get(tx, "a")
        await db.transact(raise_a)
        counters.save(tx, replace(counter or Counter(name="a"), value=99))

    with pytest.raises(StaleRow, match="counters"):
        async with db.begin() as tx:
            await too_slow(tx)

    assert await value(db, "a") == 2


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_of_a_stale_batch_nothing_is_saved(db: Database) -> None:
    await db.transact(raise_a)

    async def too_slow(tx: Tx) -> None:
        counter = await counters.get(tx, "a")
        await db.transact(raise_a)
        counters.save(tx, Counter(name="b", value=1))
        counters.save(tx, counter or Counter(name="a"))

    with pytest.raises(StaleRow):
        async with db.begin() as tx:
            await too_slow(tx)

    assert await value(db, "b") == 0


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_locked_row_is_waited_for(db: Database) -> None:
    await db.transact(raise_a)

    async with db.begin() as tx:
        await counters.locked(tx, "a")
        async with db.read() as other:
            waiting = text("SELECT 1 FROM counters WHERE name = 'a' FOR UPDATE SKIP LOCKED")
            skipped = await other.scalar(waiting)

    assert skipped is None


async def test_a_row_deleted_in_between_is_stale_or_made_anew_but_never_half(db: Database) -> None:
    await db.transact(raise_a)

    async def delete_then_save(tx: Tx) -> None:
        counter = await counters.locked(tx, "a")
        await tx.execute(counters.table.delete())
        counters.save(tx, counter or Counter(name="a"))

    await db.transact(delete_then_save)

    async with db.read() as tx:
        assert await counters.get(tx, "a") == Counter(name="a", value=1, row_version=2)


async def raise_a(tx: Tx) -> None:
    await raise_counter(tx, "a")


async def test_use_cases_that_lock_in_opposite_orders_all_succeed(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    other = open_database(database_url)
    names = ["a", "b", "c", "d"]

    def in_order(order: list[str]) -> Callable[[Tx], object]:
        async def use_case(tx: Tx) -> None:
            for name in order:
                await raise_counter(tx, name)

        return use_case

    orders = [names, names[::-1], names[2:] + names[:2]]
    await asyncio.gather(
        *(each.transact(in_order(order)) for each in (db, other) for order in orders)  # type: ignore[arg-type]
    )

    assert [await value(db, name) for name in names] == [6] * 4
