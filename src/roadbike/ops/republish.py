"""`roadbike republish SERVICE`: publish the last event of each of its aggregates again.

The event has the version that it had, and an id of its own that is always the same. Readers that
have consumed it drop it; one that is new, or has lost its data, learns the state of everything
from it. The service's own relay sends it.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import Select, select, tuple_, update

from roadbike.kit.db import Database, Tx
from roadbike.kit.db.rows import locking
from roadbike.kit.messaging.outbox import EVENT_VERSION, OUTBOX
from roadbike.kit.messaging.pace import Pace
from roadbike.kit.messaging.republished import republished_id
from roadbike.local.errors import CommandError
from roadbike.ops.last_events import LAST_EVENTS

BATCH: Final = 200  # aggregates of one transaction, which holds up the publishing of their events
COPIED: Final = ("event_id", "kind", "key", "version", "type", "topic", "time", "data")
UNSENT: Final = {"sent_at": None, "incarnation": None, "position": None}

Aggregate = tuple[str, str]  # kind and key


def republish_all(url: str, service: str) -> int:
    """Do what `republish` does on the database of the URL.

    Raises CommandError for a service that publishes nothing, and DatabaseUnavailable.
    """
    if service not in LAST_EVENTS:
        raise CommandError("publishes-nothing", service=service, services=", ".join(LAST_EVENTS))
    return asyncio.run(_republish_all(url, service))


async def republish(db: Database, service: str) -> int:
    """Publish the last event of every aggregate of the service again; return their number.

    Raises DatabaseUnavailable.
    """
    done, last = 0, ("", "")
    while True:
        pace = Pace()
        some = await db.transact(partial(_republish_some, service=service, after=last))
        if not some:
            return done
        done, last = done + len(some), some[-1]
        await pace.rest()


async def republish_aggregates(tx: Tx, service: str, aggregates: Collection[Aggregate]) -> int:
    """Publish the last event of these aggregates again; return how many there are."""
    found = _versions().where(
        tuple_(EVENT_VERSION.c.kind, EVENT_VERSION.c.key).in_(list(aggregates))
    )
    return len(await _republish(tx, service, found))


async def republish_event(tx: Tx, event_id: object) -> bool:
    """Publish one event again that the outbox still has; return whether it has it."""
    row = await tx.row(select(OUTBOX).where(OUTBOX.c.event_id == event_id).limit(1))
    if row is not None:
        await _put(tx, [row])
    return row is not None


async def _republish_all(url: str, service: str) -> int:
    db = Database(url)
    try:
        return await republish(db, service)
    finally:
        await db.close()


async def _republish_some(tx: Tx, service: str, after: Aggregate) -> Sequence[Aggregate]:
    rest = _versions().where(tuple_(EVENT_VERSION.c.kind, EVENT_VERSION.c.key) > tuple_(*after))
    return await _republish(tx, service, rest.limit(BATCH))


async def _republish(tx: Tx, service: str, found: Select[Any]) -> Sequence[Aggregate]:
    """The aggregates' counters are locked: no later event of them gets in front."""
    versions = {(row["kind"], row["key"]): row["version"] for row in await tx.rows(found)}
    kept = await _kept(tx, versions)
    rows = []
    for aggregate, version in versions.items():
        row = kept.get(aggregate) or await _made(tx, service, aggregate, version)
        if row is not None:
            rows.append(row)
    await _put(tx, rows)
    return list(versions)


def _versions() -> Select[Any]:
    in_order = select(EVENT_VERSION).order_by(EVENT_VERSION.c.kind, EVENT_VERSION.c.key)
    return locking(in_order)


async def _kept(tx: Tx, versions: Mapping[Aggregate, int]) -> Mapping[Aggregate, Mapping[str, Any]]:
    """Return the last events that are still in the outbox."""
    wanted = [(kind, key, version) for (kind, key), version in versions.items()]
    columns = tuple_(OUTBOX.c.kind, OUTBOX.c.key, OUTBOX.c.version)
    rows = await tx.rows(select(OUTBOX).where(columns.in_(wanted))) if wanted else []
    return {(row["kind"], row["key"]): row for row in rows}


async def _made(
    tx: Tx, service: str, aggregate: Aggregate, version: int
) -> Mapping[str, Any] | None:
    kind, key = aggregate
    event = await LAST_EVENTS[service][kind](tx, key)
    if event is None:
        return None
    return {
        "kind": kind,
        "key": key,
        "version": version,
        "type": event.type_name(),
        "topic": event.topic,
        "time": datetime.now(UTC),
        "data": msgspec.json.encode(event.with_version(version)),
    }


async def _put(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put the events into the outbox; those that were published again before become unsent."""
    about = ("topic", "kind", "key", "version")
    by_id = {republished_id(*(row[name] for name in about)): row for row in rows}
    if not by_id:
        return
    again = OUTBOX.c.event_id.in_(list(by_id))
    known = {row["event_id"] for row in await tx.rows(select(OUTBOX.c.event_id).where(again))}
    await tx.execute(update(OUTBOX).where(again).values(UNSENT))
    new = [
        {name: row[name] for name in COPIED if name != "event_id"} | {"event_id": id_}
        for id_, row in by_id.items()
        if id_ not in known
    ]
    if new:
        await tx.execute(OUTBOX.insert(), new)
