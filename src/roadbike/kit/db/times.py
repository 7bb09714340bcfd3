"""Comparisons of stored times with now, which hold when the clock was set meanwhile.

Stored times are by the database's clock, the only one that all replicas share. When it is set
back, what was planned or noted before may lie far in the future. A time that lies further ahead
than it can ever be planned was written before, so it counts as over.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, and_, bindparam, or_

from roadbike.kit.db.columns import UtcTime

TOLERANCE: Final = timedelta(seconds=60)  # replicas extrapolate the clock; see `Database.clock`
FOREVER: Final = timedelta.max
NO_TIME: Final = timedelta()

# parameters of statements that are built once; see `due_values`
BEFORE: Final = bindparam("due_before", type_=UtcTime)
BEYOND: Final = bindparam("due_beyond", type_=UtcTime)


def is_due(planned: Column[Any], now: datetime, longest: timedelta) -> ColumnElement[bool]:
    """Return the condition that the planned time has come.

    longest: how far ahead it is planned at most.
    """
    return or_(planned <= now, planned > now + longest + TOLERANCE)


def ranges_of_due(time: Column[Any]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the two ranges of a time that has come: the past, and the far future.

    Their parameters get `due_values` at each execution.
    """
    return time <= BEFORE, time > BEYOND


def due_values(before: datetime, longest: timedelta) -> Mapping[str, datetime]:
    """Return the parameters of `ranges_of_due` for times that have come by `before`.

    longest: how far ahead of `before` they are planned at most.
    """
    return {BEFORE.key: before, BEYOND.key: before + longest + TOLERANCE}


def has_come(planned: datetime, now: datetime, longest: timedelta) -> bool:
    """Return whether the planned time has come; `longest` as in `is_due`."""
    return not now < planned <= now + longest + TOLERANCE


def is_past(noted: Column[Any], now: datetime) -> ColumnElement[bool]:
    """Return the condition that something was not noted in the future: a clock was set back."""
    return noted <= now + TOLERANCE


def is_recent(noted: Column[Any], now: datetime, within: timedelta) -> ColumnElement[bool]:
    """Return the condition that something was noted within that time."""
    return and_(noted > now - within, is_past(noted, now))


def age_of(noted: datetime, now: datetime) -> timedelta:
    """Return how long ago something was noted; FOREVER if the clock was set back since."""
    return FOREVER if noted > now + TOLERANCE else now - noted
