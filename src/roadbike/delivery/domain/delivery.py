"""What a delivery is, and what follows from the events of its purchase."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID

from roadbike.contracts.events import (
    AnyDeliveryEvent,
    DeliveryCancelled,
    DeliveryPrepared,
    DeliveryRecalled,
    PaymentApproved,
    PaymentCancelled,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.kit.pure.events import RefusedEvent
from roadbike.kit.pure.lifecycle import Lifecycle

LIFECYCLE: Final = Lifecycle(
    {
        DeliveryStatus.PREPARING: {DeliveryStatus.STARTED, DeliveryStatus.CANCELLED},
        DeliveryStatus.STARTED: {DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING},
        DeliveryStatus.COMPLETED: {DeliveryStatus.RECALLING},
        DeliveryStatus.RECALLING: {DeliveryStatus.RETURNED},
    }
)

CONTACT: Final = ("user_name", "phone", "zip_code", "address")  # what a parcel needs to arrive

Cause = (
    ReservationRegistered
    | ReservationCancelled
    | PaymentApproved
    | PaymentCancelled
    | StockAllocated
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """The facts known of one purchase, and its parcel once there is one.

    bike_id, user_id, price: what was reserved, by whom, for how many KRW; the registration says
    so, before it bike_id is only what the first event said.
    store_name: where it was reserved; None for a registration that an older version has noted.
    paid_bike_id, paid_by, paid_price: the same as the approved payment says it.
    allocated_bike_id: the bike of which stock holds a unit.
    delivery_status: None as long as no parcel was prepared; when `closed`, none will be.
    user_name, phone, zip_code, address: who the parcel goes to, and where; see CONTACT.
    changed_by: the user id of who last moved it, or changed its label or the contact.
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
    store_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    zip_code: str | None = None
    address: str | None = None
    phone: str | None = None
    prepared_at: datetime | None = None  # when it got its first status; None when not known
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
                store_name=cause.store_name,
                user_id=cause.user_id,
                **{name: getattr(delivery, name) or getattr(cause, name) for name in CONTACT},
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
            stopped = stepped(delivery, DeliveryStatus.CANCELLED)
            return stopped, [DeliveryCancelled.of(stopped, reason=cancelled)]
        case DeliveryStatus.STARTED | DeliveryStatus.COMPLETED if cancelled:
            recalled = stepped(delivery, DeliveryStatus.RECALLING)
            return recalled, [DeliveryRecalled.of(recalled, reason=cancelled)]
        case _:
            return delivery, []


def stepped(delivery: Delivery, to: DeliveryStatus) -> Delivery:
    """Return the delivery with that status; the lifecycle must allow it."""
    assert delivery.delivery_status is not None  # only a prepared parcel moves
    LIFECYCLE.check(delivery.delivery_status, to)
    return replace(delivery, delivery_status=to)


def _cancelled_by(delivery: Delivery) -> Reason | None:
    if delivery.reservation_cancelled:
        return Reason.RESERVATION_CANCELLED
    return Reason.PAYMENT_CANCELLED if delivery.payment_cancelled else None
