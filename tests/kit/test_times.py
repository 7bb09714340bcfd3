"""Stored times are judged rightly after the database's clock was set forward or back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select

from roadbike.kit.db import Database, claims, times
from roadbike.kit.db.columns import UtcTime
from roadbike.kit.db.database import CLOCK_REFRESH_SECONDS, _Clock
from roadbike.kit.db.statements import Statement
from roadbike.kit.db.times import TOLERANCE

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WAIT = timedelta(seconds=30)
PLAN = Table("plan", MetaData(), Column("at", UtcTime))


class FixedTx:
    """What `DueRows` needs of a transaction, with a clock that stands still."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def now(self) -> datetime:
        return NOW

    async def rows(self, statement: Statement, values: Mapping[str, Any]) -> object:
        async with self.db.begin() as tx:
            return await tx.rows(statement, values)


@pytest.mark.parametrize(
    ("planned", "due"),
    [
        (NOW - DAY, 1),
        (NOW, 1),
        (NOW + WAIT, 0),
        (NOW + WAIT + TOLERANCE, 0),
        (NOW + HOUR, 1),  # planned by a clock that was an hour ahead
        (NOW + DAY, 1),
    ],
)
async def test_what_is_planned_too_far_ahead_is_due(
    db: Database, planned: datetime, due: int
) -> None:
    async with db.engine.begin() as connection:
        await connection.run_sync(PLAN.create)
        await connection.execute(insert(PLAN).values(at=planned))

    async with db.read() as tx:
        one = await tx.rows(select(PLAN).where(times.is_due(PLAN.c.at, NOW, WAIT)))
    fixed = FixedTx(db)
    rows = await claims.DueRows(select(PLAN), PLAN.c.at).claim(fixed, 5, longest=WAIT)  # type: ignore[arg-type]

    assert (len(one), len(rows)) == (due, due)
    assert times.has_come(planned, NOW, WAIT) == bool(due)


@pytest.mark.parametrize(
    ("noted", "age"),
    [
        (NOW - HOUR, HOUR),
        (NOW, timedelta()),
        (NOW + HOUR, times.FOREVER),
        (NOW + DAY, times.FOREVER),
    ],
)
def test_what_was_noted_in_the_future_is_old(noted: datetime, age: timedelta) -> None:
    assert times.age_of(noted, NOW) == age


class SteppedTx:
    """A database whose clock a test can set."""

    def __init__(self) -> None:
        self.moment = NOW

    async def scalar(self, _statement: object) -> datetime:
        return self.moment


@pytest.mark.parametrize("step", [HOUR, -HOUR, DAY, -DAY])
async def test_a_step_of_the_databases_clock_is_noticed(
    monkeypatch: pytest.MonkeyPatch, step: timedelta
) -> None:
    monotonic = 100.0
    monkeypatch.setattr("roadbike.kit.db.database.time.monotonic", lambda: monotonic)
    clock, tx = _Clock(), SteppedTx()
    await clock.now(tx)  # type: ignore[arg-type]
    monotonic += 2 * CLOCK_REFRESH_SECONDS
    tx.moment += timedelta(seconds=2 * CLOCK_REFRESH_SECONDS)
    await clock.now(tx)  # type: ignore[arg-type]
    assert not clock.was_set_within(1000)

    monotonic += 2 * CLOCK_REFRESH_SECONDS
    tx.moment += step

    assert await clock.now(tx) == NOW + timedelta(seconds=2) + step  # type: ignore[arg-type]
    assert clock.was_set_within(5)
    monotonic += 5
    assert not clock.was_set_within(5)
