"""Races 14: eight payments are refunded by a provider that does not answer refunds but answers what
became of the charge; measured are the times at which each refund is asked for, for 40 s; the
fault is a pause shorter than three quarters of the one before it, so that the back-off begins
again.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from roadbike.contracts.payments import OpenPayment
from roadbike.contracts.reasons import Reason
from roadbike.kit.db import Database, Tx
from roadbike.kit.db.ids import new_id
from roadbike.payment import store
from roadbike.payment.providers import Approved, Charge, Snapshot, Unknown
from roadbike.payment.use_cases.open import Opening, open_payments
from roadbike.payment.use_cases.pay import Cashier
from roadbike.payment.use_cases.settle import settle
from tests.faults.databases import new_database, opened
from tests.faults.outcome import CannotTry, Outcome, run, say

SECONDS: Final = 40
PAYMENTS: Final = 8
APART_SECONDS: Final = 0.3  # so that the two timers find them in different orders
FEWEST: Final = 4  # refunds asked for; 2, 4, 8, 16 s apart


@dataclass
class SilentProvider:
    """Captures money, and never answers a refund."""

    asked: defaultdict[UUID, list[float]] = field(default_factory=lambda: defaultdict(list))

    def checked_token(self, _token: str | None) -> str:
        return "ok"

    async def open(self, _charge: Charge) -> dict[str, str]:
        return {}

    async def confirm(self, charge: Charge) -> Approved:
        return Approved(f"c{charge.attempt_id}")

    async def fetch(self, charge: Charge) -> Snapshot:
        return Snapshot(captured=f"c{charge.attempt_id}", refunded=None)

    async def cancel(self, charge: Charge, _reason: str) -> str:
        self.asked[charge.attempt_id].append(time.monotonic())
        raise Unknown("it does not answer")


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    provider = SilentProvider()
    async with new_database("roadbike.payment") as url, opened(url) as db:
        cashier = Cashier(db, provider)
        working = asyncio.create_task(work(db, cashier))
        for _ in range(PAYMENTS):
            await paid_and_cancelled(db, cashier, new_id())
            await asyncio.sleep(APART_SECONDS)
        await working
    shorter = [too_short(times) for times in provider.asked.values()]
    if len(shorter) < PAYMENTS:
        raise CannotTry(f"only {len(shorter)} of {PAYMENTS} refunds were asked for")
    again = sum(count > 0 for count in shorter)
    return Outcome(again > 0, f"the back-off of {again} of {PAYMENTS} refunds begins again")


def too_short(times: list[float]) -> int:
    """Count the pauses that are clearly shorter than the one before."""
    if len(times) < FEWEST:
        raise CannotTry(f"a refund is asked for only {len(times)} times")
    say(f"asked at {' '.join(f'{moment - times[0]:.0f}' for moment in times)} s")
    pauses = [after - before for before, after in pairwise(times)]
    return sum(after < before * 0.75 for before, after in pairwise(pauses))


async def paid_and_cancelled(db: Database, cashier: Cashier, reservation_id: UUID) -> None:
    opening = Opening(reservation_id, OpenPayment(bike_id=1, user_id="kim", price=1000))
    (payment,) = await db.transact(lambda tx: open_payments(tx, [opening], timedelta(minutes=30)))
    if isinstance(payment, Exception) or payment.payment_id is None:
        raise CannotTry(f"the payment is not open: {payment!r}")
    await cashier.pay(payment.payment_id, None, owner=None, by="boss")

    async def cancel(tx: Tx) -> None:
        found = await store.locked_or_new(tx, reservation_id)
        settle(tx, replace(found, cancel_asked=True, reason=Reason.BUYER))

    await db.transact(cancel)


async def work(db: Database, cashier: Cashier) -> None:
    """Do the timed work of payment for a while."""

    async def repeat(seconds: float, do: Callable[[Database], Awaitable[None]]) -> None:
        while True:
            await do(db)
            await asyncio.sleep(seconds)

    tasks = [
        asyncio.create_task(repeat(1, cashier.finish_unknown)),
        asyncio.create_task(repeat(0.5, cashier.refund_owed)),
    ]
    done, _ = await asyncio.wait(tasks, timeout=SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        raise CannotTry(f"the timed work failed: {task.exception()}")


if __name__ == "__main__":
    raise SystemExit(main())
