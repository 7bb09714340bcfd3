"""Cancel payments that are not paid in time, but not right after an outage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from roadbike.kit.db import Database, Tx
from roadbike.payment import domain, store
from roadbike.payment.use_cases.settle import settle

OUTAGE_GAP: Final = timedelta(minutes=1)  # without a run: payment was down, or a clock jumped
PAUSE_AFTER_OUTAGE: Final = timedelta(minutes=5)  # gives buyers time to pay
EXPIRY_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Expiry:
    """after: how long a buyer may take to pay, from the opening, by the database's clock."""

    after: timedelta

    async def expire_unpaid(self, db: Database) -> None:
        """Expire all payments that are due for too long; none right after an outage.

        What another transaction has locked is left for the next time.
        """
        if await db.transact(_is_paused):
            return
        while await db.transact(self._expire_some) == EXPIRY_BATCH:
            pass

    async def _expire_some(self, tx: Tx) -> int:
        before = (await tx.now()) - self.after
        late = await store.claim_unpaid(tx, before, EXPIRY_BATCH)
        await expire(tx, late)
        return len(late)


async def expire(tx: Tx, reservation_ids: Sequence[UUID]) -> None:
    """Expire those payments that are still due."""
    for reservation_id in reservation_ids:
        payment = await store.locked_or_new(tx, reservation_id)
        expired = domain.expired(payment)
        if expired != payment:
            settle(tx, expired)


async def _is_paused(tx: Tx) -> bool:
    watch = await store.locked_watch(tx)
    if watch is None:
        return True  # another replica looks at it now
    seen_at, quiet_until, now = watch
    if abs(now - seen_at) > OUTAGE_GAP:
        quiet_until = now + PAUSE_AFTER_OUTAGE
    await store.save_watch(tx, now, quiet_until)
    return now < quiet_until
