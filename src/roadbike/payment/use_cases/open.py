"""Open payments, synchronously, for the reservation service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from roadbike.contracts.payments import OpenPayment
from roadbike.kit.db import Tx
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.outbox import publish_all
from roadbike.kit.pure.refusals import Refusal
from roadbike.kit.trace import tracing
from roadbike.payment import domain, store
from roadbike.payment.domain import Payment


@dataclass(frozen=True, slots=True)
class Opening:
    """One request to open a payment. traceparent: the request's, for the event it leads to."""

    reservation_id: UUID
    wanted: OpenPayment
    traceparent: str | None = None


async def open_payments(
    tx: Tx, openings: Sequence[Opening], pay_within: timedelta
) -> list[Payment | Exception]:
    """Open a batch of payments in one transaction; return a payment or a refusal for each.

    pay_within: how long the buyers may take to pay.
    """
    now = await tx.now()
    await store.lock_all(tx, [opening.reservation_id for opening in openings])
    return [await _opened(tx, opening, now, pay_within) for opening in openings]


async def _opened(
    tx: Tx, opening: Opening, now: datetime, pay_within: timedelta
) -> Payment | Exception:
    payment = await store.locked_or_new(tx, opening.reservation_id)
    try:
        opened, events = domain.opened(payment, opening.wanted, new_id(), now, pay_within)
    except Refusal as refusal:
        return refusal
    if events:
        store.save(tx, opened)
        with tracing(opening.traceparent):
            publish_all(tx, events)
    return opened
