"""The outbox: published events, written in the transaction that makes them true.

The relay sends them to the broker after the commit.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Uuid, text

from roadbike.kit.db import Database, Tx, bulk, metadata
from roadbike.kit.db.columns import BigId, UtcTime
from roadbike.kit.db.ids import new_id
from roadbike.kit.db.statements import Row
from roadbike.kit.messaging.broker.names import MAX_DATA, NAME
from roadbike.kit.pure.events import Event
from roadbike.kit.trace import current_traceparent

NOT_SENT: Final = text("sent_at IS NULL")

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
    Column("incarnation", String(40)),  # of the broker's log; see kit.messaging.broker.Mark
    Column("position", BigInteger),
    Index("outbox_unsent", "sent_at", "seq"),  # finds the oldest sent rows, see delete_sent
    Index("outbox_next", "seq", postgresql_where=NOT_SENT, sqlite_where=NOT_SENT),
)

EVENT_VERSION: Final = Table(
    "event_version",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
)


def _add_to_version(insert: Any) -> Any:
    total = EVENT_VERSION.c.version + insert.excluded.version
    keys = [EVENT_VERSION.c.kind, EVENT_VERSION.c.key]
    on_conflict = insert.on_conflict_do_update(index_elements=keys, set_={"version": total})
    return on_conflict.returning(EVENT_VERSION.c.kind, EVENT_VERSION.c.key, EVENT_VERSION.c.version)


_RESERVE_VERSIONS: Final = bulk.Insert(EVENT_VERSION, ["kind", "key", "version"], _add_to_version)
_INSERT_EVENTS: Final = bulk.Insert(
    OUTBOX,
    [*("event_id", "kind", "key", "version", "type", "topic", "time", "traceparent", "data")],
    lambda insert: insert.returning(OUTBOX.c.seq, OUTBOX.c.event_id),
)


def publish(tx: Tx, event: Event) -> None:
    """Put the event into the outbox if and only if this transaction commits.

    Call it after the aggregate's row was locked or saved, so that the order of versions is the
    order of changes. The commit sets the version, and raises ValueError for an event that the
    broker would reject: a malformed key, or more than MAX_DATA bytes.
    """
    tx.at_commit(_write, (event, current_traceparent()))


def publish_all(tx: Tx, events: Iterable[Event]) -> None:
    """Publish each event, in this order; see `publish`."""
    for event in events:
        publish(tx, event)


async def _write(tx: Tx, published: list[tuple[Event, str | None]]) -> None:
    counts = Counter((event.kind, event.key) for event, _ in published)
    versions = await _reserve_versions(tx, counts)
    now = datetime.now(UTC)
    rows = []
    for event, traceparent in published:
        versions[event.kind, event.key] += 1
        rows.append(_row(event.with_version(versions[event.kind, event.key]), now, traceparent))
    inserted = await _INSERT_EVENTS.execute(tx, rows)
    tx.after_commit(partial(_hand_over, tx.db, rows, inserted))
    tx.after_commit(tx.db.signal_outbox)


def _hand_over(db: Database, rows: Sequence[dict[str, Any]], inserted: Sequence[Row]) -> None:
    """Give what was committed to the relay of this process, if it has the lease."""
    if db.outbox_rows.is_wanted:
        numbers = {row["event_id"]: row["seq"] for row in inserted}
        for row in rows:
            number = numbers[row["event_id"]]
            db.outbox_rows.put(number, {"seq": number, **row}, len(row["data"]))


async def _reserve_versions(tx: Tx, counts: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Reserve that many versions for each (kind, key); return the last version before them."""
    added = [{"kind": kind, "key": key, "version": n} for (kind, key), n in sorted(counts.items())]
    rows = await _RESERVE_VERSIONS.execute(tx, added)
    return {(r["kind"], r["key"]): r["version"] - counts[r["kind"], r["key"]] for r in rows}


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
        # the relay could not send it and would never reach the events after it
        description = f"{event.type_name()} {event.key:.80}, {len(data)} bytes"
        raise ValueError(f"malformed key or too large for the broker: {description}")
    return data
