"""Deletes old rows of kit's tables: sent events, ids of consumed messages, numbers of refused ones.

It deletes few rows at a time and rests in between, so that requests never wait long for it, but
goes on until nothing is left to delete, so that it keeps up with any inflow.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.inbox import delete_received
from roadbike.kit.messaging.pace import Pace
from roadbike.kit.messaging.refused import delete_old
from roadbike.kit.messaging.sent import delete_sent

DeleteSome = Callable[[Tx], Awaitable[bool]]  # returns whether more may be left

DELETE: Final[tuple[DeleteSome, ...]] = (delete_sent, delete_received, delete_old)


async def delete_old_rows(db: Database) -> None:
    """Delete all rows that are older than the retention of their table."""
    for delete_some in DELETE:
        await delete_all(db, delete_some)


async def delete_all(db: Database, delete_some: DeleteSome) -> None:
    """Repeat the deletion, each time in a transaction of its own, until nothing is left."""
    more = True
    while more:
        pace = Pace()
        more = await db.transact(delete_some)
        if more:
            await pace.rest()
