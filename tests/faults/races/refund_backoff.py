"""Races 14: the provider does not answer refunds but answers what became of the charge; measured
are the times at which the refund is asked for, for 40 s; the fault is a pause shorter than three
quarters of the one before it, so that the back-off begins again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final
from uuid import UUID

from roadbike.contracts.payments import OpenPayment
from roadbike.contracts.reasons import Reason
from roadbike.kit.db import Database, Tx
from roadbike.kit.ids import new_id
from roadbike.payment import store
from roadbike.payment.providers import Approved, Charge, Snapshot, Unknown
from roadbike.payment.use_cases.open import Opening, open_payments
from roadbike.payment.use_cases.pay import Cashier
from roadbike.payment.use_cases.settle import settle
from tests.faults.databases import new_database, opened
from tests.faults.outcome import CannotTry, Outcome, run, say

SECONDS: Final = 40
FEWEST: Final = 4  # refunds asked for; 2, 4, 8, 16 s apart


@dataclass
class SilentProvider:
    """Takes money, and never answers a refund."""

    asked: list[float] = field(default_factory=list)

    async def open(self, _charge: Charge) -> dict[str, str]:
        return {}

    async def confirm(self, charge: Charge) -> Approved:
        return Approved(f"c{charge.attempt_id}")

    async def fetch(self, charge: Charge) -> Snapshot:
        return Snapshot(captured=f"c{charge.attempt_id}", refunded=None)

    async def cancel(self, _charge: Charge, _reason: str) -> str:
        self.asked.append(time.monotonic())
        raise Unknown("it does not answer")


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    provider, reservation_id = SilentProvider(), new_id()
    async with new_database("roadbike.payment") as url, opened(url) as db:
        cashier = Cashier(db, provider)
        await paid_and_cancelled(db, cashier, reservation_id)
        began = time.monotonic()
        await work(db, cashier)
    times = [moment - began for moment in provider.asked]
    if len(times) < FEWEST:
        raise CannotTry(f"asked only {len(times)} times")
    say(f"asked at {' '.join(f'{moment:.0f}' for moment in times)} s")
    pauses = [after - before for before, after in pairwise(times)]
    shorter = [after for before, after in pairwise(pauses) if after < before * 0.75]
    return Outcome(bool(shorter), f"{len(shorter)} of {len(pauses)} pauses are too short")


async def paid_and_cancelled(db: Database, cashier: Cashier, reservation_id: UUID) -> None:
    opening = Opening(reservation_id, OpenPayment(bike_id=1, user_id="kim", price=1000))
    (payment,) = await db.run(lambda tx: open_payments(tx, [opening]))
    if isinstance(payment, Exception) or payment.payment_id is None:
        raise CannotTry(f"the payment is not open: {payment!r}")
    await cashier.pay(payment.payment_id, "", owner=None)

    async def cancel(tx: Tx) -> None:
        found = await store.locked(tx, reservation_id)
        settle(tx, replace(found, cancel_asked=True, reason=Reason.BUYER))

    await db.run(cancel)


async def work(db: Database, cashier: Cashier) -> None:
    """Do the timed work of payment for a while."""

    async def again_and_again(seconds: float, do: Callable[[Database], Awaitable[None]]) -> None:
        while True:
            await do(db)
            await asyncio.sleep(seconds)

    tasks = [
        asyncio.create_task(again_and_again(1, cashier.finish_unknown)),
        asyncio.create_task(again_and_again(0.5, cashier.refund_owed)),
    ]
    done, _ = await asyncio.wait(tasks, timeout=SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        raise CannotTry(f"the timed work failed: {task.exception()}")


if __name__ == "__main__":
    raise SystemExit(main())
