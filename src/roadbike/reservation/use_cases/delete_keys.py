"""Delete idempotency keys that are older than their retention."""

from roadbike.kit.db import Database
from roadbike.reservation import store


async def delete_old_keys(db: Database) -> None:
    """Delete all old keys, one batch per transaction."""
    while await db.transact(store.delete_old_keys):
        pass
