"""Open a payment, synchronously; and hear that its reservation was cancelled, maybe before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from roadbike.contracts.events import ReservationCancelled
from roadbike.contracts.payments import OpenPayment
from roadbike.kit.db import Tx
from roadbike.kit.db.ids import new_id
from roadbike.kit.pure.refusals import Refusal
from roadbike.kit.trace import tracing
from roadbike.payment import domain, store
from roadbike.payment.domain import Payment
from roadbike.payment.use_cases.settle import keep, settle


@dataclass(frozen=True, slots=True)
class Opening:
    """What reservation wants opened."""

    reservation_id: UUID
    wanted: OpenPayment
    traceparent: str | None = None


async def open_payments(tx: Tx, openings: Sequence[Opening]) -> list[Payment | Exception]:
    """Open a whole batch in one transaction; each is opened, found open or refused by itself."""
    now = await tx.now()
    await store.lock_all(tx, [opening.reservation_id for opening in openings])
    return [await _opened(tx, opening, now) for opening in openings]


async def cancel_payment(tx: Tx, cause: ReservationCancelled) -> None:
    payment = await store.locked(tx, cause.reservation_id)  # made here if the open comes later
    if payment.cancel_asked:
        return  # heard before
    settle(
        tx,
        replace(payment, cancel_asked=True, registered=cause.registered, reason=cause.reason),
    )


async def _opened(tx: Tx, opening: Opening, now: datetime) -> Payment | Exception:
    payment = await store.locked(tx, opening.reservation_id)
    try:
        opened, events = domain.open_payment(payment, opening.wanted, new_id(), now)
    except Refusal as refusal:
        return refusal
    if events:
        with tracing(opening.traceparent):
            keep(tx, opened, events)
    return opened
