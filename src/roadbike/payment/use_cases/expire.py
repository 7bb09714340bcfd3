"""Cancel what is not paid in time; not right after an outage, when nobody could pay."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db import Database, Tx
from roadbike.payment import store
from roadbike.payment.use_cases.settle import settle

AWAY: Final = timedelta(minutes=1)  # unseen for so long: it was away, or the clock jumped
QUIET: Final = timedelta(minutes=5)
AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Expiry:
    """after: how long a buyer may take to pay, from the opening, by the database's clock."""

    after: timedelta

    async def run(self, db: Database) -> None:
        """Expire what is unpaid for too long, unless payment was away just now."""
        if await db.transact(_is_quiet_time):
            return
        while late := await self._late(db):
            await db.transact(partial(expire, reservation_ids=late))

    async def _late(self, db: Database) -> Sequence[UUID]:
        async with db.read() as tx:
            return await store.unpaid_since(tx, (await tx.now()) - self.after, AT_ONCE)


async def expire(tx: Tx, reservation_ids: Sequence[UUID]) -> None:
    """What is still due is cancelled for it."""
    await store.lock_all(tx, reservation_ids)
    for reservation_id in reservation_ids:
        payment = await store.locked(tx, reservation_id)
        if payment.payment_status is PaymentStatus.DUE:
            settle(tx, replace(payment, expired=True, reason=Reason.UNPAID))


async def _is_quiet_time(tx: Tx) -> bool:
    seen_at, quiet_until, now = await store.last_watch(tx)
    if abs(now - seen_at) > AWAY:
        quiet_until = now + QUIET
    await store.keep_watch(tx, now, quiet_until)
    return now < quiet_until
