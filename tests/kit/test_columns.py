"""Column types store and compare values the same way on every database."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, String, Table, func, select, type_coerce
from sqlalchemy.exc import StatementError

from roadbike.kit.db import Database
from roadbike.kit.db.columns import BigId, Status, UtcTime, utc_now

SEOUL = timezone(timedelta(hours=9))


class Colour(StrEnum):
    RED = "빨강"
    BLUE = "파랑"


metadata = MetaData()
TIMES = Table(
    "times",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("number", Integer),
    Column("time", UtcTime),
    Column("colour", Status(Colour)),
)


@pytest.fixture
async def times_db(db: Database) -> Database:
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return db


@given(
    time=st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001
        datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.timezones(),
        allow_imaginary=False,
    )
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_time_is_read_back_in_utc_to_the_microsecond(
    times_db: Database, time: datetime
) -> None:
    async with times_db.begin() as tx:
        await tx.execute(TIMES.delete())
        await tx.execute(TIMES.insert(), {"time": time})
        stored = await tx.scalar(select(TIMES.c.time))

    assert stored == time.astimezone(UTC)
    assert stored.tzinfo is UTC
    assert stored.microsecond == time.microsecond


async def test_null_is_read_back_as_none(times_db: Database) -> None:
    async with times_db.begin() as tx:
        await tx.execute(TIMES.insert(), {"time": None, "colour": None})
        row = await tx.row(select(TIMES.c.time, TIMES.c.colour))

    assert row is not None
    assert dict(row) == {"time": None, "colour": None}


async def test_a_time_without_a_zone_is_refused_and_the_transaction_goes_on(
    times_db: Database,
) -> None:
    async with times_db.begin() as tx:
        with pytest.raises(StatementError, match="needs a time zone"):
            await tx.execute(TIMES.insert(), {"time": datetime(2026, 1, 1)})  # noqa: DTZ001
        await tx.execute(TIMES.insert(), {"number": 1, "time": datetime(2026, 1, 1, tzinfo=UTC)})

    async with times_db.read() as tx:
        assert await tx.scalar(select(TIMES.c.number)) == 1


async def test_times_of_different_zones_are_compared_as_instants(times_db: Database) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    instants = [noon - timedelta(microseconds=1), noon, noon + timedelta(microseconds=1)]

    async with times_db.begin() as tx:
        rows = [{"number": n, "time": time} for n, time in enumerate(instants)]
        await tx.execute(TIMES.insert(), rows)
        later = select(TIMES.c.number).where(TIMES.c.time > noon.astimezone(SEOUL))
        found = [row["number"] for row in await tx.rows(later)]

    assert found == [2]


async def test_the_databases_clock_is_aware_and_can_be_stored_and_compared(
    times_db: Database,
) -> None:
    async with times_db.begin() as tx:
        now = await tx.now()
        await tx.execute(TIMES.insert().values(number=1, time=utc_now()))
        await tx.execute(TIMES.insert(), {"number": 2, "time": now - timedelta(hours=1)})
        await tx.execute(TIMES.insert(), {"number": 3, "time": now + timedelta(hours=1)})
        stored = await tx.scalar(select(TIMES.c.time).where(TIMES.c.number == 1))
        past = select(TIMES.c.number).where(TIMES.c.time < utc_now(), TIMES.c.number > 1)
        found = [row["number"] for row in await tx.rows(past)]

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
    assert timedelta(0) <= stored - now < timedelta(seconds=5)
    assert found == [2]


async def test_the_databases_clock_advances_within_a_transaction(times_db: Database) -> None:
    async with times_db.begin() as tx:
        first = await tx.now()
        later = await tx.now()
        while later == first:
            later = await tx.now()

    assert later > first


async def test_a_status_is_stored_as_its_wire_value(times_db: Database) -> None:
    async with times_db.begin() as tx:
        await tx.execute(TIMES.insert(), {"colour": Colour.BLUE})
        stored = await tx.scalar(select(TIMES.c.colour))
        raw = await tx.scalar(select(type_coerce(TIMES.c.colour, String)))
        found = await tx.scalar(select(func.count()).where(TIMES.c.colour == Colour.BLUE))

    assert stored is Colour.BLUE
    assert raw == "파랑"
    assert found == 1


async def test_generated_ids_rise_in_the_order_of_the_rows(times_db: Database) -> None:
    async with times_db.begin() as tx:
        await tx.execute(TIMES.insert(), [{"number": n} for n in range(3_000)])
        rows = await tx.rows(select(TIMES).order_by(TIMES.c.id))

    assert [row["number"] for row in rows] == list(range(3_000))
