"""A lease: at most one holder at a time, by the database's clock.

Each new holder increments the epoch. A holder that was paused beyond its term notices by
`still_held` that somebody else has the lease now.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import Column, Integer, String, Table, select, update

from roadbike.kit.db import Database, Tx, metadata
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import UtcTime

TERM: Final = timedelta(seconds=5)

LEASE: Final = Table(
    "lease",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until", UtcTime, nullable=False),
)


async def take(db: Database, name: str, holder: str) -> int | None:
    """Take or prolong the lease for TERM; return its epoch, None while somebody else holds it."""
    return await db.transact(lambda tx: _take(tx, name, holder))


async def release(db: Database, name: str, holder: str) -> None:
    """End the lease now, so that the next holder does not have to wait for the end of its term."""

    async def end(tx: Tx) -> None:
        mine = (LEASE.c.name == name) & (LEASE.c.holder == holder)
        await tx.execute(update(LEASE).where(mine).values(until=await tx.now()))

    await db.transact(end)


async def still_held(tx: Tx, name: str, epoch: int) -> bool:
    """Return whether the lease still has this epoch; if so, it keeps it until the commit.

    The row is locked in share mode: a new holder waits for this transaction, so that what it
    finds contains all that the old one has done.
    """
    mine = select(LEASE.c.name).where(LEASE.c.name == name, LEASE.c.epoch == epoch)
    return await tx.row(mine.with_for_update(read=True)) is not None


async def _take(tx: Tx, name: str, holder: str) -> int | None:
    now = await tx.now()
    fresh = {"name": name, "holder": holder, "epoch": 1, "until": now + TERM}
    if await insert_new(tx, LEASE, [fresh]):
        return 1
    row = await tx.row(select(LEASE).where(LEASE.c.name == name).with_for_update())
    if row is None or (row["holder"] != holder and row["until"] > now):
        return None
    epoch: int = row["epoch"] + (row["holder"] != holder)
    prolonged = {"holder": holder, "epoch": epoch, "until": now + TERM}
    await tx.execute(update(LEASE).where(LEASE.c.name == name).values(prolonged))
    return epoch
