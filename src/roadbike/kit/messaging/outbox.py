"""Events out: told in the transaction that made them true, found by the relay afterwards."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Uuid

from roadbike.kit.db import Tx, bulk, metadata
from roadbike.kit.db.columns import BigId, UtcTime
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.broker.port import MAX_DATA, NAME
from roadbike.kit.pure.events import Event
from roadbike.kit.trace import current_traceparent

OUTBOX: Final = Table(
    "outbox",
    metadata,
    Column("seq", BigId, primary_key=True, autoincrement=True),
    Column("event_id", Uuid, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("key", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", String(100), nullable=False),
    Column("topic", String(50), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("traceparent", String(55)),
    Column("data", LargeBinary, nullable=False),
    Column("sent_at", UtcTime),
    Column("incarnation", String(40)),  # of the broker's log, …
    Column("position", BigInteger),  # … and the place in it where the event stands
    Index("outbox_unsent", "sent_at", "seq"),
)

EVENT_VERSION: Final = Table(
    "event_version",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
)


def _drawn(insert: Any) -> Any:
    more = EVENT_VERSION.c.version + insert.excluded.version
    keys = [EVENT_VERSION.c.kind, EVENT_VERSION.c.key]
    on_conflict = insert.on_conflict_do_update(index_elements=keys, set_={"version": more})
    return on_conflict.returning(EVENT_VERSION.c.kind, EVENT_VERSION.c.key, EVENT_VERSION.c.version)


_DRAW: Final = bulk.Insert(EVENT_VERSION, ["kind", "key", "version"], _drawn)
_PUT: Final = bulk.Insert(
    OUTBOX,
    [*("event_id", "kind", "key", "version", "type", "topic", "time", "traceparent", "data")],
    lambda insert: insert,
)


def publish(tx: Tx, event: Event) -> None:
    """Put the event where the relay will find it, if and only if this transaction commits.

    Call it after the aggregate's row is locked or saved: the version is counted at the commit,
    which raises ValueError for an event that no broker would take (its size, its key).
    """
    tx.at_commit(_write, (event, current_traceparent()))


def publish_all(tx: Tx, events: Iterable[Event]) -> None:
    """Publish each event, in this order; see `publish`."""
    for event in events:
        publish(tx, event)


async def _write(tx: Tx, told: list[tuple[Event, str | None]]) -> None:
    versions = await _count(tx, Counter((event.kind, event.key) for event, _ in told))
    now = datetime.now(UTC)
    rows = []
    for event, traceparent in told:
        versions[event.kind, event.key] += 1
        rows.append(_row(event.with_version(versions[event.kind, event.key]), now, traceparent))
    await _PUT.execute(tx, rows)
    tx.after_commit(tx.db.outbox_written.set)


async def _count(tx: Tx, told: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Draw as many versions as will be told of each (kind, key); the last one before them."""
    drawn = [{"kind": k, "key": key, "version": n} for (k, key), n in sorted(told.items())]
    rows = await _DRAW.execute(tx, drawn)
    return {(row.kind, row.key): row.version - told[row.kind, row.key] for row in rows}


def _row(event: Event, now: datetime, traceparent: str | None) -> dict[str, Any]:
    return {
        "event_id": new_id(),
        "kind": event.kind,
        "key": event.key,
        "version": event.version,
        "type": event.type_name(),
        "topic": event.topic,
        "time": now,
        "traceparent": traceparent,
        "data": _encoded(event),
    }


def _encoded(event: Event) -> bytes:
    data = msgspec.json.encode(event)
    if len(data) > MAX_DATA or not NAME.fullmatch(event.key):
        # in the outbox it would hold up whatever is told after it
        raise ValueError(f"no broker takes {event.type_name()} {event.key:.80}: {len(data)} bytes")
    return data
