"""A statement that is built once is executed on the driver, with the types and errors of Core."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Integer, bindparam, event, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from roadbike.kit.db import Database, DatabaseUnavailable, Tx, bulk
from roadbike.kit.db.statements import Statement
from tests.kit.test_bulk import EMPTY, FULL, INSERT, ITEMS, NAMES, Colour, metadata
from tests.system.shop_client import until

SEOUL = timezone(timedelta(hours=9))
BY_COLOUR = Statement(
    lambda _: select(*(ITEMS.c[name] for name in NAMES)).where(
        ITEMS.c.colour == Colour.BLUE, ITEMS.c.name == bindparam("name")
    )
)
BY_TIME = Statement(lambda _: select(ITEMS.c.id).where(ITEMS.c.time == bindparam("time")))
COUNT = Statement(lambda _: select(func.count()).select_from(ITEMS))
WITH_ID = bulk.Insert(ITEMS, ["id"], lambda insert: insert)
WRONG = Statement(lambda _: select(func.nothing()))


@pytest.fixture
async def items(db: Database) -> Database:
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with db.begin() as tx:
        await INSERT.execute(tx, [FULL, EMPTY])
    return db


async def test_values_of_every_type_come_back_as_they_were_given(items: Database) -> None:
    async with items.read() as tx:
        rows = await tx.rows(BY_COLOUR, {"name": FULL["name"]})
        none = await tx.row(BY_COLOUR, {"name": "nobody"})

    assert [dict(row) for row in rows] == [FULL]
    assert none is None


async def test_a_time_is_converted_to_utc_and_needs_a_time_zone(items: Database) -> None:
    time: datetime = FULL["time"]

    async with items.read() as tx:
        found = await tx.rows(BY_TIME, {"time": time.astimezone(SEOUL)})
        with pytest.raises(ValueError, match="time zone"):
            await tx.rows(BY_TIME, {"time": time.replace(tzinfo=None)})

    assert time.tzinfo is UTC
    assert [row["id"] for row in found] == [FULL["id"]]


async def test_a_value_that_is_missing_is_an_error(items: Database) -> None:
    async with items.read() as tx:
        with pytest.raises(KeyError):
            await tx.rows(BY_TIME)


async def test_it_is_part_of_the_same_transaction_as_other_statements(items: Database) -> None:
    async def both(tx: Tx) -> None:
        await tx.execute(ITEMS.insert().values(id=UUID(int=1)))
        await WITH_ID.execute(tx, [{"id": UUID(int=2)}])
        seen = await tx.scalar(COUNT), await tx.scalar(COUNT.built(items.dialect))
        assert seen == (4, 4)
        raise LookupError

    with pytest.raises(LookupError):
        await items.transact(both)

    async with items.read() as tx:
        assert await tx.scalar(COUNT) == 2


async def test_its_errors_are_those_of_sqlalchemy_without_values(items: Database) -> None:
    with pytest.raises(IntegrityError) as twice:
        async with items.begin() as tx:
            await WITH_ID.execute(tx, [{"id": FULL["id"]}])
    with pytest.raises(DBAPIError, match="nothing"):
        async with items.read() as tx:
            await tx.rows(WRONG)

    assert str(FULL["id"]) not in str(twice.value)
    await items.ready()


async def test_listeners_of_sqlalchemy_see_it(items: Database) -> None:
    seen: list[str] = []
    event.listen(items.engine.sync_engine, "before_cursor_execute", lambda *a: seen.append(a[2]))

    async with items.begin() as tx:
        await tx.scalar(COUNT)
        await WITH_ID.execute(tx, [{"id": UUID(int=1)}, {"id": UUID(int=2)}])

    assert [text.split()[0] for text in seen] == ["SELECT", "INSERT"]


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_statement_that_is_cancelled_leaves_a_usable_connection(items: Database) -> None:
    slow = Statement(lambda _: select(func.pg_sleep(1)))

    async def sleep() -> None:
        async with items.begin() as tx:
            await tx.rows(slow)

    for _ in range(8):  # more than there are connections
        sleeping = asyncio.create_task(sleep())
        await asyncio.sleep(0.01)
        sleeping.cancel()
        await asyncio.wait([sleeping])

    async with items.begin() as tx:
        assert await tx.scalar(COUNT) == 2


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_connection_that_was_lost_while_it_was_idle_is_not_used(
    items: Database, open_database: Any, database_url: str
) -> None:
    other = open_database(database_url)
    terminate = Statement(
        lambda _: select(func.pg_terminate_backend(bindparam("pid", type_=Integer)))
    )
    async with items.begin() as tx:
        pid = await tx.scalar(select(func.pg_backend_pid()))
    async with other.begin() as tx:
        await tx.rows(terminate, {"pid": pid})

    await until_noticed(items)

    async with items.begin() as tx:
        assert await tx.scalar(COUNT) == 2


async def until_noticed(db: Database) -> None:
    """Wait until the event loop has seen the end of the connection."""
    idle = db.connections._idle  # noqa: SLF001  nothing else shows it

    async def is_closed() -> bool:
        return idle[-1].driver.is_closed()

    await until(is_closed, bool, "the lost connection is noticed")


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_an_error_before_a_failed_rollback_is_the_one_that_is_raised(
    items: Database,
) -> None:
    async def lose_the_connection(tx: Tx) -> None:
        with pytest.raises(DatabaseUnavailable):
            await tx.execute(select(func.pg_terminate_backend(func.pg_backend_pid())))
        raise LookupError

    with pytest.raises(LookupError):
        await items.transact(lose_the_connection)

    await items.ready()
