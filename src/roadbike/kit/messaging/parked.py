"""Parked messages: those whose use case failed, waiting in the service's database for a retry.

The wait doubles with each failed attempt up to LONGEST_WAIT. After ALARM_ATTEMPTS (two minutes) the
message counts as stuck, which needs a person; after MAX_ATTEMPTS (eight hours) it is a dead letter.
Later messages of its key wait behind a parked message, but not behind a dead letter.
Ids and keys count per topic, so that no publisher can hide or hold up the messages of another.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from logging import ERROR, WARNING
from typing import Any, Final

import structlog
from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.types import TypeEngine

from roadbike.kit import metrics
from roadbike.kit.db import Tx, bulk, claims, metadata
from roadbike.kit.db.columns import BigId, Status, UtcTime
from roadbike.kit.db.statements import Row, Statement
from roadbike.kit.db.times import has_come, is_due
from roadbike.kit.messaging.batch_log import about
from roadbike.kit.messaging.broker import Message

log = structlog.get_logger()

ALARM_ATTEMPTS: Final = 8  # failed within 123 s
MAX_ATTEMPTS: Final = 486  # failed within eight hours
FIRST_WAIT_SECONDS: Final = 1.0  # after the first failure; each further one doubles it
LONGEST_WAIT: Final = timedelta(seconds=60)
MAX_DOUBLINGS: Final = 10  # more would only overflow: LONGEST_WAIT comes first
RETRY_BATCH: Final = 100  # keys retried in one go


class ParkedState(StrEnum):
    """PARKED: waits for its retry. DEAD: a dead letter, not retried. KEPT: see `kept`.

    DISMISSED: by a person.
    """

    PARKED = "parked"
    DEAD = "dead"
    KEPT = "kept"
    DISMISSED = "dismissed"


PARKED: Final = Table(
    "parked",
    metadata,
    Column("seq", BigId, primary_key=True, autoincrement=True),
    Column("event_id", Uuid, nullable=False),
    Column("topic", String(50), nullable=False),
    Column("key", String(64), nullable=False),
    Column("type", String(100), nullable=False),
    Column("source", String(40), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("traceparent", String(55)),
    Column("data", LargeBinary, nullable=False),
    Column("state", Status(ParkedState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retry_at", UtcTime, nullable=False),
    Column("error", Text, nullable=False),
    Column("parked_at", UtcTime),  # none in rows of versions before it
    Column("dismissed_at", UtcTime),
    Column("dismissed_by", String(100)),
    Column("dismissed_why", Text),
    UniqueConstraint("topic", "event_id", name="parked_once"),
    Index("parked_key", "state", "key"),
)

_IS_PARKED: Final = PARKED.c.state == ParkedState.PARKED
_SOME: Final = Statement(lambda _: select(PARKED.c.seq).where(_IS_PARKED).limit(1))
_IS_STUCK: Final = _IS_PARKED & (PARKED.c.attempts >= ALARM_ATTEMPTS)
NEEDS_A_PERSON: Final = _IS_STUCK | (PARKED.c.state == ParkedState.DEAD)

# the columns that hold the message itself
_ENVELOPE: Final = [
    PARKED.c[name]
    for name in ("event_id", "topic", "key", "type", "source", "time", "traceparent", "data")
]

_INSERT: Final = bulk.Insert(
    PARKED,
    [*(column.name for column in _ENVELOPE), "state", "attempts", "retry_at", "error", "parked_at"],
    # the row exists when the message is delivered again after the inbox has deleted its id
    lambda insert: insert.on_conflict_do_nothing(
        index_elements=[PARKED.c.topic, PARKED.c.event_id]
    ),
)


_BLOCKED: Final = Statement(
    lambda dialect: select(PARKED.c.topic, PARKED.c.key).where(
        _IS_PARKED, bulk.among(dialect, PARKED.c.key)
    )
)


async def park(
    tx: Tx,
    message: Message,
    error: str,
    *,
    attempts: int = 0,
    state: ParkedState = ParkedState.PARKED,
) -> None:
    """Keep the message for a retry.

    attempts: number of failed attempts so far; with 0 it is due at once.
    """
    now = await tx.now()
    row = _envelope(message) | {
        "state": state,
        "attempts": attempts,
        "retry_at": now + wait_after(attempts),
        "error": error,
        "parked_at": now,
    }
    await _INSERT.execute(tx, [row])
    line = {**about(message), "attempts": attempts, "error": error}
    tx.after_commit(partial(_report_kept, state, line))


async def blocked_keys(tx: Tx, messages: Collection[Message]) -> set[tuple[str, str]]:
    """Return the (topic, key) with a parked message, behind which later messages must wait.

    They are those of the messages, perhaps with their keys on other topics.
    """
    if not messages:
        return set()
    keys = sorted({message.key for message in messages})
    return {(row["topic"], row["key"]) for row in await tx.rows(_BLOCKED, {"among": keys})}


async def due(tx: Tx, at_most: int = RETRY_BATCH) -> Sequence[Message]:
    """Return up to `at_most` messages to retry now: of each key the oldest one, if it is due."""
    if await tx.row(_SOME) is None:  # nearly always, and cheaper to ask
        return []
    first = select(func.min(PARKED.c.seq)).where(_IS_PARKED).group_by(PARKED.c.topic, PARKED.c.key)
    now = await tx.now()
    of_now = is_due(PARKED.c.retry_at, now, LONGEST_WAIT)
    statement = select(PARKED).where(PARKED.c.seq.in_(first), of_now)
    rows = await tx.rows(statement.order_by(PARKED.c.seq).limit(at_most))
    return [_message(row) for row in rows]


async def next_due(tx: Tx, message: Message) -> Message | None:
    """Return the oldest parked message of this one's key if it is due, None otherwise."""
    of_its_key = (PARKED.c.topic == message.topic) & (PARKED.c.key == message.key)
    oldest = select(PARKED).where(_IS_PARKED, of_its_key).order_by(PARKED.c.seq)
    row = await tx.row(oldest.limit(1))
    if row is None or not has_come(row["retry_at"], await tx.now(), LONGEST_WAIT):
        return None
    return _message(row)


async def remove(tx: Tx, message: Message) -> bool:
    """Delete the due message; return False when another replica has it, or had it before."""
    due = select(PARKED.c.seq).where(_still_due(message, await tx.now()))
    keys = await claims.free_keys(tx, due)
    if keys:
        await tx.execute(delete(PARKED).where(PARKED.c.seq.in_(keys)))
    return bool(keys)


async def record_failure(tx: Tx, message: Message, error: Exception) -> None:
    """Count one more failed attempt; after MAX_ATTEMPTS of them make it a dead letter.

    The log says so once when the message becomes stuck, and when it becomes a dead letter.
    """
    found = select(PARKED).where(_still_due(message, await tx.now()))
    row = await tx.row(claims.free_only(found))
    if row is None:
        return  # another replica has it, or had it before
    attempts = row["attempts"] + 1
    dead = attempts >= MAX_ATTEMPTS
    _report(message, attempts, error)
    changed = {
        "attempts": attempts,
        "state": ParkedState.DEAD if dead else ParkedState.PARKED,
        "retry_at": (await tx.now()) + wait_after(attempts),
        "error": repr(error),
    }
    await tx.execute(update(PARKED).where(PARKED.c.seq == row["seq"]).values(changed))


async def count(tx: Tx, state: ParkedState) -> int:
    """Return the number of messages in that state."""
    return int(await tx.scalar(select(func.count()).where(PARKED.c.state == state)))


async def count_stuck(tx: Tx) -> int:
    """Return the number of parked messages whose retries have failed for two minutes or more."""
    return int(await tx.scalar(select(func.count()).where(_IS_STUCK)))


def _report_kept(state: ParkedState, line: Mapping[str, object]) -> None:
    metrics.NOT_CONSUMED.labels(state.value).inc()
    event = f"message.{state}"
    log.warning(event, **line)


def _report(message: Message, attempts: int, error: Exception) -> None:
    line = {**about(message), "attempts": attempts, "error": repr(error)}
    if attempts >= MAX_ATTEMPTS:
        outcome, level = ParkedState.DEAD.value, ERROR
    elif attempts == ALARM_ATTEMPTS:
        outcome, level = "stuck", ERROR
    else:
        outcome, level = ParkedState.PARKED.value, WARNING
    metrics.NOT_CONSUMED.labels(outcome).inc()
    event = f"message.{outcome}"
    log.log(level, event, **line)


def wait_after(attempts: int) -> timedelta:
    """Return how long a message waits after so many failed attempts."""
    if attempts == 0:
        return timedelta()
    doublings = min(attempts - 1, MAX_DOUBLINGS)
    return min(timedelta(seconds=FIRST_WAIT_SECONDS * 2**doublings), LONGEST_WAIT)


def _still_due(message: Message, now: datetime) -> ColumnElement[bool]:
    same = (PARKED.c.topic == message.topic) & (PARKED.c.event_id == message.event_id)
    return same & _IS_PARKED & is_due(PARKED.c.retry_at, now, LONGEST_WAIT)


def _envelope(message: Message) -> dict[str, object]:
    """Return the columns of the message.

    Text that is longer than its column is cut: only a foreign message has it, and it must not
    stop the inbox.
    """
    return {column.name: _cut(getattr(message, column.name), column.type) for column in _ENVELOPE}


def _cut(value: object, type_: TypeEngine[Any]) -> object:
    if isinstance(value, str) and isinstance(type_, String):
        return value[: type_.length]
    return value


def _message(row: Row) -> Message:
    return Message(
        event_id=row["event_id"],
        type=row["type"],
        source=row["source"],
        topic=row["topic"],
        key=row["key"],
        time=row["time"],
        traceparent=row["traceparent"],
        data=row["data"],
    )
