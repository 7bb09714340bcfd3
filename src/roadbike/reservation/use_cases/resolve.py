"""Cancel pending reservations that no request completes any more."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.kit.db import Database
from roadbike.reservation import store
from roadbike.reservation.use_cases.steps import give_up

ABANDONED_AFTER: Final = timedelta(seconds=5)
RESOLVE_BATCH: Final = 500


async def resolve_pending(db: Database) -> None:
    """Cancel each abandoned pending reservation, because it is unknown whether its payment is open.

    Payment consumes the cancel and voids the payment if there is one.
    """
    while abandoned := await _abandoned(db):
        await db.transact(partial(give_up, reservation_ids=abandoned, reason=Reason.UNANSWERED))


async def _abandoned(db: Database) -> Sequence[UUID]:
    async with db.read() as tx:
        return await store.pending_since(tx, ABANDONED_AFTER, RESOLVE_BATCH)
