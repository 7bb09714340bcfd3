"""Cancel: by the buyer, by what others tell, or by the resolver for an intent left behind."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from roadbike.contracts.events import DeliveryReturned, PaymentCancelled, PaymentExpired
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.pure.refusals import NotFound
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Reservation

LEFT_BEHIND: Final = timedelta(seconds=5)
AT_ONCE: Final = 500


async def cancel_reservation(
    tx: Tx, reservation_id: UUID, reason: Reason, *, owner: str | None = None
) -> Reservation:
    """Cancel it for its owner (None: for staff); already cancelled is fine.

    Raises NotFound, AlreadyShipped, AlreadyDelivered.
    """
    reservation = await store.locked(tx, reservation_id)
    if not reservation.registered or owner not in {None, reservation.user_id}:
        raise NotFound
    if domain.is_cancelled(reservation):
        return reservation
    domain.check_cancellable(reservation)
    return await _cancel(tx, reservation, reason)


async def cancel_unless_done(tx: Tx, reservation_id: UUID, reason: Reason) -> None:
    """Cancel it, whatever has become of it: somebody else has undone their part already."""
    reservation = await store.locked(tx, reservation_id)
    if not domain.is_cancelled(reservation):
        await _cancel(tx, reservation, reason)


async def payment_cancelled(tx: Tx, cause: PaymentCancelled) -> None:
    await cancel_unless_done(tx, cause.reservation_id, Reason.PAYMENT_CANCELLED)


async def payment_expired(tx: Tx, cause: PaymentExpired) -> None:
    await cancel_unless_done(tx, cause.reservation_id, Reason.UNPAID)


async def bike_returned(tx: Tx, cause: DeliveryReturned) -> None:
    await cancel_unless_done(tx, cause.reservation_id, Reason.RETURNED)


async def resolve_intents(db: Database) -> None:
    """Cancel every intent that nobody completed: whether its payment was opened is unknown."""
    while left := await _left_behind(db):
        await db.transact(partial(cancel_intents, reservation_ids=left, reason=Reason.UNANSWERED))


async def _left_behind(db: Database) -> Sequence[UUID]:
    async with db.read() as tx:
        return await store.old_intents(tx, LEFT_BEHIND, AT_ONCE)


async def forget_old_keys(db: Database) -> None:
    while await db.transact(store.forget_old_keys):
        pass


async def cancel_intents(tx: Tx, reservation_ids: Sequence[UUID], reason: Reason) -> None:
    """Tx 2': what is still an intent is cancelled, gives its allowance back, frees its key."""
    await store.lock_reservations(tx, reservation_ids)
    intents = [
        reservation
        for reservation in [await store.locked(tx, at) for at in dict.fromkeys(reservation_ids)]
        if reservation.reservation_status is ReservationStatus.PENDING
    ]
    await store.lock_bikes(tx, sorted({intent.bike_id for intent in intents}))
    for intent in intents:
        await _cancel(tx, intent, reason)


async def _cancel(tx: Tx, reservation: Reservation, reason: Reason) -> Reservation:
    if not reservation.registered:
        reservation = await _given_back(tx, reservation)
    cancelled, event = domain.cancel(reservation, reason)
    store.save(tx, cancelled)
    publish(tx, event)
    return cancelled


async def _given_back(tx: Tx, intent: Reservation) -> Reservation:
    """Stock never hears of an intent: its place in the allowance and its key are freed here."""
    bike = await store.locked_bike(tx, intent.bike_id)
    assert bike is not None  # the intent was taken from it
    answered, bike = domain.answer(intent, bike)
    store.save_bike(tx, bike)
    store.free_key(tx, intent.reservation_id)
    return answered
