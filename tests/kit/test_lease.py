"""A lease has one holder at a time; its epoch distinguishes the holders."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import RowMapping, event, select, update

from roadbike.kit.db import Database, lease
from roadbike.kit.pure.rooms import WRITES
from tests.past import past

NAME = "relay"


async def row(db: Database) -> RowMapping:
    async with db.read() as tx:
        found = await tx.row(select(lease.LEASE))
    assert found is not None
    return found


async def expire(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(update(lease.LEASE).values(until=await past(tx)))


async def is_still_held(db: Database, epoch: int) -> bool:
    async with db.begin() as tx:
        return await lease.still_held(tx, NAME, epoch)


async def test_the_first_holder_has_the_lease_for_its_term(db: Database) -> None:
    epoch = await lease.take(db, NAME, "ann")

    async with db.read() as tx:
        now = await tx.now()
    left = (await row(db))["until"] - now
    assert epoch == 1
    assert lease.TERM - timedelta(seconds=2) < left <= lease.TERM


async def test_a_second_holder_does_not_get_the_lease(db: Database) -> None:
    await lease.take(db, NAME, "ann")

    assert await lease.take(db, NAME, "bob") is None
    assert (await row(db))["holder"] == "ann"


async def test_the_holder_prolongs_the_lease_with_the_same_epoch(db: Database) -> None:
    await lease.take(db, NAME, "ann")
    before = (await row(db))["until"]

    epochs = [await lease.take(db, NAME, "ann"), await lease.take(db, NAME, "ann")]

    assert epochs == [1, 1]
    assert (await row(db))["until"] >= before


async def test_after_its_term_another_holder_gets_the_lease_with_a_new_epoch(db: Database) -> None:
    await lease.take(db, NAME, "ann")
    await expire(db)

    epoch = await lease.take(db, NAME, "bob")

    assert epoch == 2
    assert await lease.take(db, NAME, "ann") is None
    assert [await is_still_held(db, epoch) for epoch in (1, 2)] == [False, True]


async def test_an_ended_lease_stays_with_its_holder_until_another_takes_it(db: Database) -> None:
    await lease.take(db, NAME, "ann")
    await expire(db)

    assert await is_still_held(db, 1)
    assert await lease.take(db, NAME, "ann") == 1


async def test_a_released_lease_is_free_at_once(db: Database) -> None:
    await lease.take(db, NAME, "ann")

    await lease.release(db, NAME, "ann")

    assert await lease.take(db, NAME, "bob") == 2


async def test_only_the_holder_can_release_a_lease(db: Database) -> None:
    await lease.take(db, NAME, "ann")

    await lease.release(db, NAME, "bob")

    assert await lease.take(db, NAME, "bob") is None


async def test_leases_of_different_names_are_independent(db: Database) -> None:
    epochs = [await lease.take(db, name, name) for name in ("relay", "resolver")]

    assert epochs == [1, 1]


async def test_one_of_many_concurrent_takers_gets_the_lease(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    replicas = [db, open_database(database_url)]

    for round_ in range(1, 4):
        epochs = await asyncio.gather(
            *(lease.take(replicas[n % 2], NAME, f"{round_}/{n}") for n in range(10))
        )
        assert [epoch for epoch in epochs if epoch is not None] == [round_]
        await expire(db)


async def test_a_term_that_ends_later_than_a_term_can_is_over(db: Database) -> None:
    """As after the database's clock was an hour ahead and has been set right."""
    await lease.take(db, NAME, "ann")
    async with db.begin() as tx:
        later = (await tx.now()) + timedelta(hours=1)
        await tx.execute(update(lease.LEASE).values(until=later))

    assert await lease.take(db, NAME, "bob") == 2


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_lease_that_a_hung_process_is_taking_is_not_waited_for(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    await lease.take(db, NAME, "ann")
    await expire(db)

    async with open_database(database_url).begin() as hung:
        await hung.row(select(lease.LEASE).with_for_update())
        began = time.monotonic()
        taken = await lease.take(db, NAME, "bob")
        waited = time.monotonic() - began

    assert taken is None
    assert waited < WRITES.lock_ms / 1000
    assert await lease.take(db, NAME, "bob") == 2


async def test_who_does_not_hold_the_lease_writes_and_locks_nothing(db: Database) -> None:
    db = db.background  # one engine for reads and writes
    statements: list[str] = []
    event.listen(db.engine.sync_engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    await lease.take(db, NAME, "ann")
    statements.clear()

    await lease.take(db, NAME, "bob")

    assert [text.split()[0] for text in statements] == ["SELECT"]
    assert "FOR UPDATE" not in statements[0]


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_nobody_gets_the_lease_while_its_holder_works_under_it(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    await lease.take(db, NAME, "ann")
    await expire(db)
    other = open_database(database_url)

    async with db.begin() as tx:
        assert await lease.still_held(tx, NAME, 1)
        during = await lease.take(other, NAME, "bob")

    assert during is None
    assert await lease.take(other, NAME, "bob") == 2
