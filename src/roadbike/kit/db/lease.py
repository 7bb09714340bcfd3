"""A lease: at most one holder at a time, by the database's clock.

Each new holder increments the epoch. A holder that was paused beyond its term notices by
`still_held` that somebody else has the lease now.

Who does not hold it only reads, and nobody waits for the row: a process that hangs while it asks
for the lease holds up no other.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import Column, Integer, String, Table, bindparam, select, update

from roadbike.kit.db import Database, Tx, claims, metadata
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import UtcTime, utc_now
from roadbike.kit.db.statements import Row, Statement

TERM: Final = timedelta(seconds=5)

LEASE: Final = Table(
    "lease",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until", UtcTime, nullable=False),
)
STATE: Final = select(LEASE, utc_now().label("now"))
_OF_NAME: Final = Statement(lambda _: STATE.where(LEASE.c.name == bindparam("name")))
_STILL_HELD: Final = Statement(
    lambda _: (
        select(LEASE.c.name)
        .where(LEASE.c.name == bindparam("name"), LEASE.c.epoch == bindparam("epoch"))
        .with_for_update(read=True)
    )
)


async def take(db: Database, name: str, holder: str) -> int | None:
    """Take or prolong the lease for TERM; return its epoch, None while somebody else holds it.

    Raises DatabaseUnavailable.
    """
    async with db.read() as tx:
        row = await tx.row(_OF_NAME, {"name": name})
    if row is not None and _is_held_by_another(row, holder):
        return None
    return await db.transact(lambda tx: _take(tx, name, holder))


async def release(db: Database, name: str, holder: str) -> None:
    """End the lease now, so that the next holder does not have to wait for the end of its term."""

    async def end(tx: Tx) -> None:
        mine = (LEASE.c.name == name) & (LEASE.c.holder == holder)
        await tx.execute(update(LEASE).where(mine).values(until=utc_now()))

    await db.transact(end)


async def still_held(tx: Tx, name: str, epoch: int) -> bool:
    """Return whether the lease still has this epoch; if so, it keeps it until the commit.

    The row is locked in share mode: nobody gets the lease before this transaction ends, so that
    what a new holder finds contains all that the old one has done.
    """
    return await tx.row(_STILL_HELD, {"name": name, "epoch": epoch}) is not None


async def _take(tx: Tx, name: str, holder: str) -> int | None:
    row = await tx.row(claims.free_only(STATE.where(LEASE.c.name == name)))
    if row is None:  # it does not exist, or somebody else is taking it
        until = await tx.scalar(select(utc_now())) + TERM
        fresh = {"name": name, "holder": holder, "epoch": 1, "until": until}
        return 1 if await insert_new(tx, LEASE, [fresh]) else None
    if _is_held_by_another(row, holder):
        return None
    epoch: int = row["epoch"] + (row["holder"] != holder)
    prolonged = {"holder": holder, "epoch": epoch, "until": row["now"] + TERM}
    await tx.execute(update(LEASE).where(LEASE.c.name == name).values(prolonged))
    return epoch


def _is_held_by_another(row: Row, holder: str) -> bool:
    """Return whether another holder's term runs.

    Not one that ends later than any term can: the database's clock has been set back since.
    """
    left: timedelta = row["until"] - row["now"]
    return bool(row["holder"] != holder and timedelta() < left <= TERM)
