"""Delete idempotency keys that are older than their retention."""

from roadbike.kit.db import Database
from roadbike.kit.messaging.retention import delete_all
from roadbike.reservation import store


async def delete_old_keys(db: Database) -> None:
    """Delete all old keys, one batch per transaction."""
    await delete_all(db, store.delete_old_keys)
