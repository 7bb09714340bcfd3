"""A moment is the same moment on every database, to the microsecond."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, func, select
from sqlalchemy.exc import StatementError

from roadbike.kit.db import Database
from roadbike.kit.db.columns import BigId, Status, UtcTime, utc_now

SEOUL = timezone(timedelta(hours=9))


class Colour(StrEnum):
    RED = "빨강"
    BLUE = "파랑"


metadata = MetaData()
MOMENTS = Table(
    "moments",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("number", Integer),
    Column("at", UtcTime),
    Column("colour", Status(Colour)),
)


@pytest.fixture
async def moments(db: Database) -> Database:
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return db


@given(
    moment=st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001
        datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.timezones(),
        allow_imaginary=False,
    )
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_moment_comes_back_as_it_was_and_in_utc(
    moments: Database, moment: datetime
) -> None:
    async with moments.begin() as tx:
        await tx.execute(MOMENTS.delete())
        await tx.execute(MOMENTS.insert(), {"at": moment})
        back = await tx.scalar(select(MOMENTS.c.at))

    assert back == moment.astimezone(UTC)
    assert back.tzinfo is UTC
    assert back.microsecond == moment.microsecond


async def test_no_moment_comes_back_as_none(moments: Database) -> None:
    async with moments.begin() as tx:
        await tx.execute(MOMENTS.insert(), {"at": None, "colour": None})
        row = await tx.row(select(MOMENTS.c.at, MOMENTS.c.colour))

    assert row is not None
    assert dict(row) == {"at": None, "colour": None}


async def test_a_moment_without_a_zone_is_refused(moments: Database) -> None:
    async with moments.begin() as tx:
        with pytest.raises(StatementError, match="without a zone"):
            await tx.execute(MOMENTS.insert(), {"at": datetime(2026, 1, 1)})  # noqa: DTZ001


async def test_moments_are_compared_as_moments_whatever_their_zone(moments: Database) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    instants = [noon - timedelta(microseconds=1), noon, noon + timedelta(microseconds=1)]

    async with moments.begin() as tx:
        rows = [{"number": n, "at": at} for n, at in enumerate(instants)]
        await tx.execute(MOMENTS.insert(), rows)
        later = select(MOMENTS.c.number).where(MOMENTS.c.at > noon.astimezone(SEOUL))
        found = [row["number"] for row in await tx.rows(later)]

    assert found == [2]


async def test_the_databases_clock_is_aware_and_may_be_stored_and_compared(
    moments: Database,
) -> None:
    async with moments.begin() as tx:
        now = await tx.now()
        await tx.execute(MOMENTS.insert().values(number=1, at=utc_now()))
        await tx.execute(MOMENTS.insert(), {"number": 2, "at": now - timedelta(hours=1)})
        await tx.execute(MOMENTS.insert(), {"number": 3, "at": now + timedelta(hours=1)})
        stored = await tx.scalar(select(MOMENTS.c.at).where(MOMENTS.c.number == 1))
        past = select(MOMENTS.c.number).where(MOMENTS.c.at < utc_now(), MOMENTS.c.number > 1)
        found = [row["number"] for row in await tx.rows(past)]

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
    assert timedelta(0) <= stored - now < timedelta(seconds=5)
    assert found == [2]


async def test_the_databases_clock_goes_on_within_a_transaction(moments: Database) -> None:
    async with moments.begin() as tx:
        first = await tx.now()
        later = await tx.now()
        while later == first:
            later = await tx.now()

    assert later > first


async def test_a_status_is_kept_as_its_wire_value(moments: Database) -> None:
    async with moments.begin() as tx:
        await tx.execute(MOMENTS.insert(), {"colour": Colour.BLUE})
        back = await tx.scalar(select(MOMENTS.c.colour))
        raw = await tx.scalar(select(func.length(MOMENTS.c.colour)))
        found = await tx.scalar(select(func.count()).where(MOMENTS.c.colour == Colour.BLUE))

    assert back is Colour.BLUE
    assert raw == len("파랑")
    assert found == 1


async def test_numbers_are_drawn_upwards_in_the_order_of_the_rows(moments: Database) -> None:
    async with moments.begin() as tx:
        await tx.execute(MOMENTS.insert(), [{"number": n} for n in range(3_000)])
        rows = await tx.rows(select(MOMENTS).order_by(MOMENTS.c.id))

    assert [row["number"] for row in rows] == list(range(3_000))
