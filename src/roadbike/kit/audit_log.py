"""The audit log: what staff changed, by whom, when and why; written with the change itself.

It is only added to: the role that serves a database may not change or delete a row, and neither
may SQLite (kit/schema.py). Personal data of buyers do not belong there: `differences` hides them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Index, String, Table, Text

from roadbike.kit.db import Tx, metadata
from roadbike.kit.db.columns import BigId, UtcTime

MAX_WHY: Final = 200  # characters
MAX_ACTOR: Final = 100
MAX_THING: Final = 64
HIDDEN: Final = "•••"  # instead of a value that the log must not hold
OPERATOR: Final = "operator:"  # before the name of who used a command: no user id has a colon

AUDIT_LOG: Final = Table(
    "audit_log",
    metadata,
    Column("seq", BigId, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(MAX_ACTOR), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("thing", String(MAX_THING), nullable=False),
    Column("action", String(40), nullable=False),
    Column("old_values", Text, nullable=False),
    Column("new_values", Text, nullable=False),
    Column("why", String(MAX_WHY)),
    Index("audit_log_at", "at", "seq"),
    Index("audit_log_actor", "actor", "at", "seq"),
    Index("audit_log_thing", "thing", "at", "seq"),
)

Values = Mapping[str, Any]  # by their names in JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffChange:
    """One thing that one of staff changed.

    by: their user id, or OPERATOR and the name of who used a command. kind, thing: what was
    changed, for example a "bike" and its number. action: what was done, in one word.
    before, after: the values that differ. why: the reason, if one was given.
    """

    by: str
    kind: str
    thing: str
    action: str
    before: Values
    after: Values
    why: str | None = None


def note(tx: Tx, change: StaffChange) -> None:
    """Write the change into the audit log if and only if this transaction commits."""
    tx.at_commit(_write, change)


def differences(
    before: object, after: object, fields: Iterable[str], hidden: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes that differ, before and after; HIDDEN instead of a hidden value."""
    changed = [name for name in fields if getattr(before, name) != getattr(after, name)]
    old, new = (
        {name: _shown(getattr(state, name), is_hidden=name in hidden) for name in changed}
        for state in (before, after)
    )
    return old, new


def _shown(value: Any, *, is_hidden: bool) -> Any:
    return HIDDEN if is_hidden and value is not None else value


async def _write(tx: Tx, changes: Sequence[StaffChange]) -> None:
    now = _milliseconds(await tx.now())
    await tx.execute(AUDIT_LOG.insert(), [_row(change, now) for change in changes])


def _row(change: StaffChange, now: datetime) -> dict[str, Any]:
    return {
        "at": now,
        "actor": change.by,
        "kind": change.kind,
        "thing": change.thing,
        "action": change.action,
        "old_values": msgspec.json.encode(change.before).decode(),
        "new_values": msgspec.json.encode(change.after).decode(),
        "why": change.why,
    }


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
