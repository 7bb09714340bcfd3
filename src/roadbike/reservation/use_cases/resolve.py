"""Cancel pending reservations that no request completes any more."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

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
    while abandoned := await _abandoned(db):
        cancelled = await db.transact(partial(cancel_free, reservation_ids=abandoned))
        if len(abandoned) < RESOLVE_BATCH or not cancelled:
            return


async def cancel_free(tx: Tx, reservation_ids: Sequence[UUID]) -> int:
    """Cancel those that are still pending and whose rows are not locked; return their number."""
    free = await store.lock_free_reservations(tx, reservation_ids)
    reservations = [await store.locked_or_404(tx, id_) for id_ in reservation_ids if id_ in free]
    pending = [one for one in reservations if domain.is_pending(one)]
    free_bikes = await store.lock_free_bikes(tx, sorted({one.bike_id for one in pending}))
    now = [one for one in pending if one.bike_id in free_bikes]
    for one in now:
        await settle(tx, domain.to_cancel(one, Reason.UNANSWERED))
    return len(now)


async def _abandoned(db: Database) -> Sequence[UUID]:
    async with db.read() as tx:
        found = await store.pending_since(tx, ABANDONED_AFTER, RESOLVE_BATCH)
    # after a step of the clock, young ones may look old: their own requests go first
    return [] if db.clock.was_set_within(ABANDONED_AFTER.total_seconds()) else found
