"""What a delivery is and how it may change. Pure: without clock, database and network."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID

from roadbike.contracts.events import (
    AnyDeliveryEvent,
    DeliveryCancelled,
    DeliveryCompleted,
    DeliveryPrepared,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
    PaymentApproved,
    PaymentCancelled,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.refusals import CancelsWithReservation
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.kit.pure.events import RefusedEvent
from roadbike.kit.pure.lifecycle import Lifecycle
from roadbike.kit.pure.refusals import Refusal

LIFECYCLE: Final = Lifecycle(
    {
        DeliveryStatus.PREPARING: {DeliveryStatus.STARTED, DeliveryStatus.CANCELLED},
        DeliveryStatus.STARTED: {DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING},
        DeliveryStatus.COMPLETED: {DeliveryStatus.RECALLING},
        DeliveryStatus.RECALLING: {DeliveryStatus.RETURNED},
    }
)

Cause = (
    ReservationRegistered
    | ReservationCancelled
    | PaymentApproved
    | PaymentCancelled
    | StockAllocated
)


class NotAllocated(Refusal):
    """Stock holds no unit for the reservation yet, so nothing may leave the shop."""

    slug = "not-allocated"
    status = 409


class IllegalMove(Refusal):
    """The lifecycle does not allow the move; the answer names both statuses."""

    slug = "illegal-move"
    status = 409


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """The facts known of one purchase, and its parcel once there is one.

    bike_id, user_id, price: what was reserved, by whom, for how many KRW; the registration says
    so, before it bike_id is only what the first event said.
    paid_bike_id, paid_by, paid_price: the same as the approved payment says it.
    allocated_bike_id: the bike of which stock holds a unit.
    delivery_status: None as long as no parcel was prepared; when `closed`, none will be.
    changed_by: the user id of the staff member who last moved it or changed its label.
    """

    reservation_id: UUID
    delivery_id: UUID
    bike_id: int
    registered: bool = False
    allocated_bike_id: int | None = None
    reservation_cancelled: bool = False
    payment_cancelled: bool = False
    closed: bool = False
    delivery_status: DeliveryStatus | None = None
    payment_id: UUID | None = None  # set once the payment is approved
    paid_bike_id: int | None = None
    paid_by: str | None = None
    paid_price: int | None = None
    price: int | None = None
    user_id: str | None = None
    user_name: str | None = None
    zip_code: str | None = None
    address: str | None = None
    delivered_at: datetime | None = None  # when it was last started or completed
    carrier: str | None = None
    tracking_number: str | None = None
    changed_by: str | None = None
    row_version: int = 0

    @property
    def is_allocated(self) -> bool:
        """Return whether stock holds a unit of the reserved bike."""
        return self.registered and self.allocated_bike_id == self.bike_id

    @property
    def is_paid(self) -> bool:
        """Return whether the approved payment is the one that the reservation needs."""
        paid = (self.paid_bike_id, self.paid_by, self.paid_price)
        return self.registered and paid == (self.bike_id, self.user_id, self.price)


def contradictions(delivery: Delivery) -> list[str]:
    """Return how other services contradict the registration, once it is known."""
    if not delivery.registered:
        return []
    found = []
    if delivery.allocated_bike_id is not None and not delivery.is_allocated:
        found.append("stock holds a unit of another bike than the reserved one")
    if delivery.payment_id is not None and not delivery.is_paid:
        found.append("the payment is over another price, bike or user than the reservation")
    return found


def noted(delivery: Delivery, cause: Cause) -> Delivery:
    """Return the delivery with one more fact; an equal one when the fact was known before.

    Raises RefusedEvent for a payment or a unit that does not fit when a fitting one is known.
    """
    after = _with_fact(delivery, cause)
    if delivery.is_paid and not after.is_paid:
        raise RefusedEvent("the reservation is paid by another payment")
    if delivery.is_allocated and not after.is_allocated:
        raise RefusedEvent("stock holds a unit of the reserved bike")
    return after


def _with_fact(delivery: Delivery, cause: Cause) -> Delivery:
    match cause:
        case ReservationRegistered():
            return replace(
                delivery,
                registered=True,
                bike_id=cause.bike_id,
                price=cause.price,
                user_id=cause.user_id,
                user_name=cause.user_name,
                zip_code=cause.zip_code,
                address=cause.address,
            )
        case ReservationCancelled():
            if not cause.registered:
                return delivery  # it was never registered: there is nothing to deliver
            return replace(delivery, reservation_cancelled=True)
        case PaymentApproved():
            return replace(
                delivery,
                payment_id=cause.payment_id,
                paid_bike_id=cause.bike_id,
                paid_by=cause.user_id,
                paid_price=cause.price,
            )
        case PaymentCancelled():
            return replace(delivery, payment_cancelled=True)
        case StockAllocated():
            return replace(delivery, allocated_bike_id=cause.bike_id)
        case _:
            assert_never(cause)


def decide(delivery: Delivery) -> tuple[Delivery, list[AnyDeliveryEvent]]:
    """Return what follows from the facts known so far, in whatever order they came."""
    cancelled = _cancelled_by(delivery)
    match delivery.delivery_status:
        case None if delivery.closed:
            return delivery, []
        case None if cancelled:
            closed = replace(delivery, closed=True)
            return closed, [DeliveryCancelled.of(closed, delivery_id=None, reason=cancelled)]
        case None if delivery.is_paid:
            prepared = replace(delivery, delivery_status=DeliveryStatus.PREPARING)
            return prepared, [DeliveryPrepared.of(prepared)]
        case DeliveryStatus.PREPARING if cancelled:
            stopped = _stepped(delivery, DeliveryStatus.CANCELLED)
            return stopped, [DeliveryCancelled.of(stopped, reason=cancelled)]
        case DeliveryStatus.STARTED | DeliveryStatus.COMPLETED if cancelled:
            recalled = _stepped(delivery, DeliveryStatus.RECALLING)
            return recalled, [DeliveryRecalled.of(recalled, reason=cancelled)]
        case _:
            return delivery, []


def moved(
    delivery: Delivery, to: DeliveryStatus, now: datetime, *, by: str
) -> tuple[Delivery, list[AnyDeliveryEvent]]:
    """Move the parcel on for staff; the status that it has already changes nothing.

    by: the user id of the staff member. Raises IllegalMove, NotAllocated, CancelsWithReservation.
    """
    if delivery.delivery_status is to:
        return delivery, []
    _check(delivery, to)
    stepped = _stepped(delivery, to)
    sent = replace(stepped, delivered_at=now)
    match to:
        case DeliveryStatus.STARTED:
            return sent, [DeliveryStarted.of(sent, by=by)]
        case DeliveryStatus.COMPLETED:
            return sent, [DeliveryCompleted.of(sent, by=by)]
        case DeliveryStatus.RECALLING:
            return stepped, [DeliveryRecalled.of(stepped, reason=Reason.STAFF, by=by)]
        case DeliveryStatus.RETURNED:
            return stepped, [DeliveryReturned.of(stepped, by=by)]
        case DeliveryStatus.PREPARING | DeliveryStatus.CANCELLED:
            raise AssertionError(to)  # refused by _check
        case _:
            assert_never(to)


def labelled(delivery: Delivery, carrier: str | None, tracking_number: str | None) -> Delivery:
    """Return the delivery with this label; what is None stays as it is."""
    return replace(
        delivery,
        carrier=carrier or delivery.carrier,
        tracking_number=tracking_number or delivery.tracking_number,
    )


def next_moves(delivery: Delivery) -> set[DeliveryStatus]:
    """Return the statuses that staff may move it to."""
    if delivery.delivery_status is None:
        return set()
    moves = set(LIFECYCLE.steps.get(delivery.delivery_status, ()))
    barred = set() if delivery.is_allocated else {DeliveryStatus.STARTED}
    return moves - barred - {DeliveryStatus.CANCELLED}


def _check(delivery: Delivery, to: DeliveryStatus) -> None:
    if to is DeliveryStatus.CANCELLED:
        raise CancelsWithReservation(delivery.reservation_id)
    status = delivery.delivery_status
    if status is None or not LIFECYCLE.allows(status, to):
        raise IllegalMove(now=status, to=to, extra={"deliveryStatus": status, "wanted": to})
    if to is DeliveryStatus.STARTED and not delivery.is_allocated:
        raise NotAllocated


def _stepped(delivery: Delivery, to: DeliveryStatus) -> Delivery:
    assert delivery.delivery_status is not None  # only a prepared parcel moves
    LIFECYCLE.check(delivery.delivery_status, to)
    return replace(delivery, delivery_status=to)


def _cancelled_by(delivery: Delivery) -> Reason | None:
    if delivery.reservation_cancelled:
        return Reason.RESERVATION_CANCELLED
    return Reason.PAYMENT_CANCELLED if delivery.payment_cancelled else None
