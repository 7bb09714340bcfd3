"""Which types of events a group consumes: all that one of its replicas has a policy for.

During an upgrade and after a roll-back, replicas with other policies share a group, and the broker
gives a message to any of them. So each replica announces its types in the group's database, and
one that has no policy for an announced type keeps the message for the others (kit/messaging/kept).
A type that no replica announces any more is forgotten after ANNOUNCEMENT_RETENTION.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Column, String, Table, delete, select

from roadbike.kit.db import Tx, bulk, metadata
from roadbike.kit.db.columns import UtcTime

ANNOUNCE_SECONDS: Final = 60
ANNOUNCEMENT_RETENTION: Final = timedelta(days=3)  # a roll-back that lasts longer is final

CONSUMED_TYPE: Final = Table(
    "consumed_type",
    metadata,
    Column("type", String(100), primary_key=True),
    Column("announced_at", UtcTime, nullable=False),
)


def _set_time(insert: Any) -> Any:
    values = {"announced_at": insert.excluded.announced_at}
    return insert.on_conflict_do_update(index_elements=[CONSUMED_TYPE.c.type], set_=values)


_ANNOUNCE: Final = bulk.Insert(CONSUMED_TYPE, ["type", "announced_at"], _set_time)


async def announce(tx: Tx, types: Collection[str]) -> None:
    """Say that a replica of this group consumes these types, and forget old announcements."""
    now = await tx.now()
    old = CONSUMED_TYPE.c.announced_at < now - ANNOUNCEMENT_RETENTION
    await tx.execute(delete(CONSUMED_TYPE).where(old))
    await _ANNOUNCE.execute(tx, [{"type": name, "announced_at": now} for name in sorted(types)])


async def announced(tx: Tx) -> frozenset[str]:
    """Return the types that replicas of this group consume."""
    rows = await tx.rows(select(CONSUMED_TYPE.c.type))
    return frozenset(row["type"] for row in rows)
