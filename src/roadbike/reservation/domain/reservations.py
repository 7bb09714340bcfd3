"""What a reservation is, what follows from its facts, and what is refused."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID

from roadbike.contracts.events import (
    AnyAllocationEvent,
    AnyReservationEvent,
    DeliveryCompleted,
    DeliveryEvent,
    DeliveryReturned,
    DeliveryStarted,
    PaymentCancelled,
    PaymentEvent,
    PaymentExpired,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
    StockReleased,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.pure.events import RefusedEvent
from roadbike.kit.pure.lifecycle import Lifecycle
from roadbike.reservation.domain.bikes import Bike
from roadbike.reservation.domain.refusals import (
    AlreadyDelivered,
    AlreadyShipped,
    TooManyOpenReservations,
)

LIFECYCLE: Final = Lifecycle(
    {
        ReservationStatus.PENDING: {ReservationStatus.RESERVED, ReservationStatus.CANCELLED},
        ReservationStatus.RESERVED: {ReservationStatus.CANCELLED},
    }
)

Cause = (
    AnyAllocationEvent
    | PaymentCancelled
    | PaymentExpired
    | DeliveryStarted
    | DeliveryCompleted
    | DeliveryReturned
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """One unit of a bike, reserved by a buyer, and the facts that are known about it.

    reserve_seq: its number in the order of registration; drawn once its payment is open.
    reason: why it has to be cancelled, None as long as it need not be; the first reason is kept.
    cancelled_by: the user id of the buyer or of staff; None when the shop had to cancel it.
    shipped, delivered: where the bike is, as far as delivery's events say.
    answered: its bike no longer counts it as unanswered.
    registered: it was RESERVED at some time, so that other services know it.
    """

    reservation_id: UUID
    bike_id: int
    bike_name: str
    user_id: str
    user_name: str | None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus = ReservationStatus.PENDING
    price: int  # KRW, frozen
    zip_code: str | None
    address: str | None
    phone: str | None = None
    bike_version: int
    registered: bool = False
    reserve_seq: int | None = None
    reason: Reason | None = None
    cancelled_by: str | None = None
    answered: bool = False
    shipped: bool = False
    delivered: bool = False
    row_version: int = 0


def check_purchase(reservation: Reservation, cause: Cause) -> None:
    """Check that the event is about this buyer and bike. Raises RefusedEvent.

    The price is not compared: these events undo, and a payment over a wrong price is undone, too.
    """
    if cause.bike_id != reservation.bike_id:
        raise RefusedEvent(f"reserved is bike {reservation.bike_id}, not {cause.bike_id}")
    user_id = cause.user_id if isinstance(cause, PaymentEvent | DeliveryEvent) else None
    if user_id is not None and user_id != reservation.user_id:
        raise RefusedEvent("the reservation belongs to another user")


def noted(reservation: Reservation, cause: Cause) -> Reservation:
    """Return the reservation with one more fact; unchanged when the fact was known before."""
    match cause:
        case StockAllocated() | StockReleased():
            return reservation  # all there is to note is that stock answered: see `answered`
        case DeliveryStarted():
            return replace(reservation, shipped=True)
        case DeliveryCompleted():
            return replace(reservation, shipped=True, delivered=True)
        case StockShort():
            reason = Reason.SOLD_OUT
        case PaymentCancelled():
            reason = Reason.PAYMENT_CANCELLED
        case PaymentExpired():
            reason = Reason.UNPAID
        case DeliveryReturned():
            reason = Reason.RETURNED
        case _:
            assert_never(cause)
    return to_cancel(reservation, reason)


def to_cancel(reservation: Reservation, reason: Reason, by: str | None = None) -> Reservation:
    """Note a reason to cancel, and the user who asked for it; what is known already is kept."""
    if reservation.reason:
        return reservation
    return replace(reservation, reason=reason, cancelled_by=by)


def opened(reservation: Reservation, reserve_seq: int) -> Reservation:
    """Note that the payment is open, and the number drawn for the registration."""
    return replace(reservation, reserve_seq=reserve_seq)


def answered(reservation: Reservation, bike: Bike) -> tuple[Reservation, Bike]:
    """Note that the bike need not count the reservation as unanswered any more, once."""
    if reservation.answered:
        return reservation, bike
    return replace(reservation, answered=True), replace(bike, unanswered=bike.unanswered - 1)


def decide(reservation: Reservation) -> tuple[Reservation, list[AnyReservationEvent]]:
    """Return what follows from the facts known so far, in whatever order they came.

    A reason to cancel cancels even when the bike was shipped or delivered, because money or bike
    has gone back elsewhere. A buyer's wish is checked before it is noted (`check_cancellable`).
    """
    match reservation.reservation_status:
        case ReservationStatus.PENDING | ReservationStatus.RESERVED if reservation.reason:
            cancelled = _stepped(reservation, ReservationStatus.CANCELLED)
            return cancelled, [ReservationCancelled.of(cancelled, by=cancelled.cancelled_by)]
        case ReservationStatus.PENDING if reservation.reserve_seq is not None:
            stepped = _stepped(reservation, ReservationStatus.RESERVED)
            registered = replace(stepped, registered=True)
            return registered, [ReservationRegistered.of(registered)]
        case _:
            return reservation, []


def may_be_cancelled(reservation: Reservation) -> bool:
    """Return whether its buyer or staff can still cancel it."""
    gone = reservation.shipped or reservation.delivered
    return not (gone or is_cancelled(reservation))


def check_cancellable(reservation: Reservation) -> None:
    """Refuse a cancel that only staff can make good. Raises AlreadyDelivered, AlreadyShipped."""
    if reservation.delivered:
        raise AlreadyDelivered
    if reservation.shipped:
        raise AlreadyShipped


def is_cancelled(reservation: Reservation) -> bool:
    return reservation.reservation_status is ReservationStatus.CANCELLED


def is_pending(reservation: Reservation) -> bool:
    return reservation.reservation_status is ReservationStatus.PENDING


def may_open(open_: int, limit: int) -> bool:
    """Return whether the buyer may have one more open reservation; parameters as in check_open."""
    return not limit or open_ < limit


def check_open(open_: int, limit: int) -> None:
    """Check that the buyer may have one more open reservation. Raises TooManyOpenReservations.

    open_: the number that the buyer has. An open reservation is not cancelled and its bike has not
    left the shop, paid or not: it holds a unit that nobody else can buy. limit: 0 is no limit.
    """
    if not may_open(open_, limit):
        raise TooManyOpenReservations(limit=limit)


def _stepped(reservation: Reservation, to: ReservationStatus) -> Reservation:
    LIFECYCLE.check(reservation.reservation_status, to)
    return replace(reservation, reservation_status=to)
