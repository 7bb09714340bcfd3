"""Cancel pending reservations that no request completes any more."""

from datetime import timedelta
from typing import Final

from roadbike.contracts.reasons import Reason
from roadbike.kit.db import Database, Tx
from roadbike.reservation import domain, store
from roadbike.reservation.use_cases.settle import settle

ABANDONED_AFTER: Final = timedelta(seconds=5)
RESOLVE_BATCH: Final = 500


async def resolve_pending(db: Database) -> None:
    """Cancel each abandoned pending reservation, because it is unknown whether its payment is open.

    Payment consumes the cancel and voids the payment if there is one. What another transaction has
    locked is left for the next time.
    """
    while await db.transact(cancel_abandoned) == RESOLVE_BATCH:
        pass


async def cancel_abandoned(tx: Tx) -> int:
    """Cancel up to RESOLVE_BATCH abandoned reservations; return how many."""
    abandoned = await store.claim_pending(tx, ABANDONED_AFTER, RESOLVE_BATCH)
    if tx.db.clock.was_set_within(ABANDONED_AFTER.total_seconds()):
        return 0  # young ones may look old: their own requests go first
    await store.lock_bikes(tx, sorted({one.bike_id for one in abandoned}))  # claimed, too
    for one in abandoned:
        await settle(tx, domain.to_cancel(one, Reason.UNANSWERED))
    return len(abandoned)
