"""Whether stock is behind, and the claims that wait until it has caught up.

One row has the ends of the topics that have to be reached; without ends stock is not behind. Every
batch of messages holds a shared lock on that until its commit, and what changes it an exclusive
one: so each claim is either granted when it is consumed, or found when stock catches up.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select, update

from roadbike.kit.db import Tx
from roadbike.kit.db.locks import lock_names, share_names
from roadbike.kit.db.statements import Row, Statement
from roadbike.kit.messaging.catching_up import Ends
from roadbike.stock.store import ALLOCATION, BEHIND, UNANSWERED

KEY: Final = (BEHIND.name, 1)
LOCK: Final = ("behind", ["stock"])
THE_ROW: Final = Statement(lambda _: select(BEHIND))
NEXT_CLAIMS: Final = (
    select(ALLOCATION.c.reservation_id, ALLOCATION.c.bike_id)
    .where(UNANSWERED)
    .order_by(ALLOCATION.c.reserve_seq)
)


async def is_behind(tx: Tx) -> bool:
    """Return whether claims are only recorded; it stays so until the end of the transaction."""
    if not tx.has_row(KEY):
        await share_names(tx, *LOCK)
        tx.remember_stored_row(KEY, await ends(tx))
    return tx.loaded_row(KEY) is not None


async def ends(tx: Tx) -> Ends | None:
    """Return the ends that have to be reached; None while stock is not behind."""
    (row,) = await tx.rows(THE_ROW)
    found: Ends | None = row["ends"]
    return found


async def locked_ends(tx: Tx) -> Ends | None:
    """Return the ends; nobody else reads or changes them until the end of the transaction."""
    await lock_names(tx, *LOCK)
    return await ends(tx)


async def save_ends(tx: Tx, new: Ends | None) -> None:
    """Note the ends; None when stock has caught up."""
    await tx.execute(update(BEHIND).values(ends=new))


async def next_claims(tx: Tx, at_most: int) -> Sequence[Row]:
    """Return the ids and bikes of the next claims without an answer, in the order of reserving."""
    return await tx.rows(NEXT_CLAIMS.limit(at_most))


async def count_unanswered(tx: Tx) -> int:
    """Return how many claims wait until stock has caught up."""
    number: int = await tx.scalar(select(func.count()).select_from(ALLOCATION).where(UNANSWERED))
    return number
