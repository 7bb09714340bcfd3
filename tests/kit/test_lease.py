"""One holder at a time, by the database's clock, and an epoch that betrays the one before."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import RowMapping, func, select, update

from roadbike.kit.db import Database, lease

NAME = "relay"


async def row(db: Database) -> RowMapping:
    async with db.read() as tx:
        found = await tx.row(select(lease.LEASE))
    assert found is not None
    return found


async def expire(db: Database) -> None:
    async with db.begin() as tx:
        past = (await tx.now()) - timedelta(milliseconds=10)
        await tx.execute(update(lease.LEASE).values(until=past))


async def is_still_held(db: Database, epoch: int) -> bool:
    async with db.read() as tx:
        held = lease.still_held(NAME, epoch)
        return bool(await tx.scalar(select(func.count()).where(held)))


async def test_the_first_one_holds_it_for_its_term(db: Database) -> None:
    epoch = await lease.take(db, NAME, "ann")

    async with db.read() as tx:
        now = await tx.now()
    left = (await row(db))["until"] - now
    assert epoch == 1
    assert lease.TERM - timedelta(seconds=2) < left <= lease.TERM


async def test_the_second_one_does_not_get_it(db: Database) -> None:
    await lease.take(db, NAME, "ann")

    assert await lease.take(db, NAME, "bob") is None
    assert (await row(db))["holder"] == "ann"


async def test_its_holder_prolongs_it_under_the_same_epoch(db: Database) -> None:
    await lease.take(db, NAME, "ann")
    before = (await row(db))["until"]

    epochs = [await lease.take(db, NAME, "ann"), await lease.take(db, NAME, "ann")]

    assert epochs == [1, 1]
    assert (await row(db))["until"] >= before


async def test_after_its_end_the_next_one_gets_it_under_a_new_epoch(db: Database) -> None:
    await lease.take(db, NAME, "ann")
    await expire(db)

    epoch = await lease.take(db, NAME, "bob")

    assert epoch == 2
    assert await lease.take(db, NAME, "ann") is None
    assert [await is_still_held(db, epoch) for epoch in (1, 2)] == [False, True]


async def test_what_has_ended_and_nobody_took_is_still_its_holders(db: Database) -> None:
    await lease.take(db, NAME, "ann")
    await expire(db)

    assert await is_still_held(db, 1)
    assert await lease.take(db, NAME, "ann") == 1


async def test_given_back_it_is_free_at_once(db: Database) -> None:
    await lease.take(db, NAME, "ann")

    await lease.give_back(db, NAME, "ann")

    assert await lease.take(db, NAME, "bob") == 2


async def test_nobody_gives_back_what_is_another_ones(db: Database) -> None:
    await lease.take(db, NAME, "ann")

    await lease.give_back(db, NAME, "bob")

    assert await lease.take(db, NAME, "bob") is None


async def test_leases_of_two_names_are_two(db: Database) -> None:
    epochs = [await lease.take(db, name, name) for name in ("relay", "resolver")]

    assert epochs == [1, 1]


async def test_of_many_that_ask_at_once_one_gets_it(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    replicas = [db, open_database(database_url)]

    for round_ in range(1, 4):
        epochs = await asyncio.gather(
            *(lease.take(replicas[n % 2], NAME, f"{round_}/{n}") for n in range(10))
        )
        assert [epoch for epoch in epochs if epoch is not None] == [round_]
        await expire(db)
