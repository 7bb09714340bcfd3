"""Cancel a payment whose reservation was cancelled, even when it has not been opened yet."""

from collections.abc import Sequence

from roadbike.contracts.events import ReservationCancelled
from roadbike.kit.db import Tx
from roadbike.payment import domain, store
from roadbike.payment.use_cases.settle import settle


async def prefetch(tx: Tx, events: Sequence[ReservationCancelled]) -> None:
    """Load the payments of a batch of events with one statement."""
    await store.lock_all(tx, [event.reservation_id for event in events])


async def cancel_payment(tx: Tx, cause: ReservationCancelled) -> None:
    """Void or refund the payment; store a tombstone if it was never opened."""
    payment = await store.locked_or_new(tx, cause.reservation_id)
    noted = domain.noted(payment, cause)
    if noted == payment:
        return  # the cancel is known already
    settle(tx, noted)
