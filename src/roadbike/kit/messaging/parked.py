"""Messages that a handler failed on: parked, retried with back-off, at last dead letters."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final

import structlog
from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    String,
    Table,
    Text,
    Uuid,
    delete,
    func,
    select,
    update,
)

from roadbike.kit.db import Tx, bulk, metadata
from roadbike.kit.db.columns import BigId, Status, UtcTime, utc_now
from roadbike.kit.messaging.broker import Message

log = structlog.get_logger()

ATTEMPTS: Final = 8
LONGEST_WAIT: Final = timedelta(seconds=60)


class ParkedState(StrEnum):
    PARKED = "parked"
    DEAD = "dead"


PARKED: Final = Table(
    "parked",
    metadata,
    Column("seq", BigId, primary_key=True, autoincrement=True),
    Column("event_id", Uuid, nullable=False, unique=True),
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
    Index("parked_key", "state", "key"),
)

WAITING: Final = PARKED.c.state == ParkedState.PARKED

_PARK: Final = bulk.Insert(
    PARKED,
    [column.name for column in PARKED.columns if column is not PARKED.c.seq],
    # it stands here already when its inbox row was forgotten meanwhile
    lambda insert: insert.on_conflict_do_nothing(index_elements=[PARKED.c.event_id]),
)


async def park(tx: Tx, message: Message, error: str, *, attempts: int = 0) -> None:
    """Keep the message until it can be handled. `attempts`: how often that has failed."""
    row = _envelope(message) | {
        "state": ParkedState.PARKED,
        "attempts": attempts,
        "retry_at": (await tx.now()) + _wait(attempts),
        "error": error,
    }
    await _PARK.execute(tx, [row])


async def blocked_keys(tx: Tx, keys: Collection[str]) -> set[str]:
    """Those keys whose later messages have to queue behind a parked one."""
    if not keys:
        return set()
    statement = select(PARKED.c.key).where(WAITING, bulk.among(tx.db.dialect, PARKED.c.key))
    return {row["key"] for row in await tx.rows(statement, {"among": sorted(set(keys))})}


async def due(tx: Tx, at_most: int = 100) -> Sequence[Message]:
    """The oldest parked message of each key, when its time has come."""
    first = select(func.min(PARKED.c.seq)).where(WAITING).group_by(PARKED.c.key)
    now = await tx.now()
    statement = select(PARKED).where(PARKED.c.seq.in_(first), PARKED.c.retry_at <= now)
    rows = await tx.rows(statement.order_by(PARKED.c.seq).limit(at_most))
    return [_message(row) for row in rows]


async def next_due(tx: Tx, key: str) -> Message | None:
    """The oldest parked message of the key, unless its time has not come."""
    oldest = select(PARKED).where(WAITING, PARKED.c.key == key).order_by(PARKED.c.seq).limit(1)
    row = await tx.row(oldest)
    return None if row is None or row["retry_at"] > await tx.now() else _message(row)


async def take_out(tx: Tx, message: Message) -> bool:
    """Take the message out in this transaction; False when another replica was quicker."""
    return (await tx.execute(delete(PARKED).where(_still_due(message)))).rowcount == 1


async def failed(tx: Tx, message: Message, error: Exception) -> None:
    """Count one more failure; after ATTEMPTS of them it is a dead letter and its key goes on."""
    row = await tx.row(select(PARKED).where(_still_due(message)).with_for_update())
    if row is None:
        return  # another replica was quicker
    attempts = row["attempts"] + 1
    dead = attempts >= ATTEMPTS
    log.error("message.dead" if dead else "message.parked", type=message.type, key=message.key)
    changed = {
        "attempts": attempts,
        "state": ParkedState.DEAD if dead else ParkedState.PARKED,
        "retry_at": (await tx.now()) + _wait(attempts),
        "error": repr(error),
    }
    await tx.execute(update(PARKED).where(PARKED.c.seq == row["seq"]).values(changed))


async def count(tx: Tx, state: ParkedState) -> int:
    """How many messages are in that state."""
    return int(await tx.scalar(select(func.count()).where(PARKED.c.state == state)))


def _wait(attempts: int) -> timedelta:
    return min(timedelta(seconds=0.5 * 2**attempts), LONGEST_WAIT) if attempts else timedelta()


def _still_due(message: Message) -> ColumnElement[bool]:
    return (PARKED.c.event_id == message.event_id) & WAITING & (PARKED.c.retry_at <= utc_now())


def _envelope(message: Message) -> dict[str, object]:
    """Its columns; what is too long for one is a stranger's, and no reason to stop."""
    return {
        "event_id": message.event_id,
        "topic": message.topic[:50],
        "key": message.key[:64],
        "type": message.type[:100],
        "source": message.source[:40],
        "time": message.time,
        "traceparent": message.traceparent and message.traceparent[:55],
        "data": message.data,
    }


def _message(row: RowMapping) -> Message:
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
