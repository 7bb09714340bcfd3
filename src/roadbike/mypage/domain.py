"""A purchase as its buyer sees it, projected from events. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import reduce
from typing import TypeVar, assert_never
from uuid import UUID

from roadbike.contracts.events import (
    AllocationEvent,
    AnyPurchaseEvent,
    DeliveryEvent,
    PaymentEvent,
    PaymentOpened,
    ReservationCancelled,
    ReservationEvent,
    ReservationRegistered,
)
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)

T = TypeVar("T")


class Actor(StrEnum):
    """Who caused a step of a purchase, as its buyer may know it: staff have no names here."""

    BUYER = "buyer"
    SHOP = "shop"


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """What is known of one purchase. It is shown once it is `registered`.

    The versions, one for each kind of event, are those of the events that the statuses were
    taken from. The address is the parcel's as soon as there is one, before that the reservation's.
    pay_until: when the payment expires if it is still due.
    """

    reservation_id: UUID
    bike_id: int
    registered: bool = False
    bike_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    store_name: str | None = None
    reserved_at: datetime | None = None
    reservation_status: ReservationStatus | None = None
    price: int | None = None  # KRW
    phone: str | None = None
    zip_code: str | None = None
    address: str | None = None
    payment_id: UUID | None = None
    payment_status: PaymentStatus | None = None
    pay_until: datetime | None = None
    delivery_id: UUID | None = None
    delivery_status: DeliveryStatus | None = None
    delivered_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    stock_status: StockStatus = StockStatus.WAITING
    reservation_version: int = 0
    allocation_version: int = 0
    payment_version: int = 0
    delivery_version: int = 0
    row_version: int = 0


def project(events: Sequence[AnyPurchaseEvent], row_version: int = 0) -> Purchase:
    """Return the purchase that these events make; there must be at least one."""
    first = events[0]
    purchase = Purchase(
        reservation_id=first.reservation_id, bike_id=first.bike_id, row_version=row_version
    )
    return reduce(apply, events, purchase)


def apply(purchase: Purchase, event: AnyPurchaseEvent) -> Purchase:
    """Return the purchase after one more event; the order of the events makes no difference.

    A status is taken from an event of a greater version only. What was reserved, by whom and for
    how much is taken from the events of the reservation, whatever the others say. The ids of
    payment and delivery never change: any event fills those that are still empty.
    """
    match event:
        case ReservationRegistered():
            return replace(_with_reservation(purchase, event), registered=True)
        case ReservationCancelled():
            registered = (
                purchase.registered or event.registered
            )  # it may be the only one that comes
            return replace(_with_reservation(purchase, event), registered=registered)
        case AllocationEvent():
            return _with_allocation(purchase, event)
        case PaymentEvent():
            return _with_payment(purchase, event)
        case DeliveryEvent():
            return _with_delivery(purchase, event)
        case _:
            assert_never(event)


def actor_of(purchase: Purchase, event: AnyPurchaseEvent) -> Actor | None:
    """Return who caused the event; None for a kind of event that does not say so."""
    if "by" not in event.__struct_fields__:
        return None
    return Actor.BUYER if getattr(event, "by", None) == purchase.user_id else Actor.SHOP


def may_be_cancelled(purchase: Purchase) -> bool:
    """Return whether the buyer may cancel; once the bike has left the shop only staff can."""
    return (
        purchase.reservation_status is ReservationStatus.RESERVED
        and purchase.delivery_status in {None, DeliveryStatus.PREPARING}
    )


def may_be_paid(purchase: Purchase) -> bool:
    """Return whether the buyer may pay."""
    return (
        purchase.reservation_status is ReservationStatus.RESERVED
        and purchase.payment_status is PaymentStatus.DUE
    )


def _with_reservation(purchase: Purchase, event: ReservationEvent) -> Purchase:
    filled = replace(
        purchase,
        bike_id=event.bike_id,
        bike_name=event.bike_name,
        user_id=event.user_id,
        user_name=event.user_name,
        store_name=event.store_name,
        reserved_at=event.reserved_at,
        price=event.price,
    )
    if filled.delivery_id is None:
        filled = _with_address(filled, event)
    if event.version <= filled.reservation_version:
        return filled
    return replace(
        filled,
        reservation_status=event.reservation_status,
        reservation_version=event.version,
    )


def _with_allocation(purchase: Purchase, event: AllocationEvent) -> Purchase:
    if event.version <= purchase.allocation_version:
        return purchase
    return replace(purchase, stock_status=event.stock_status, allocation_version=event.version)


def _with_payment(purchase: Purchase, event: PaymentEvent) -> Purchase:
    filled = replace(
        purchase,
        payment_id=_known(purchase.payment_id, event.payment_id),
    )
    if isinstance(event, PaymentOpened):
        filled = replace(filled, pay_until=event.pay_until)
    if event.version <= filled.payment_version:
        return filled
    return replace(filled, payment_status=event.payment_status, payment_version=event.version)


def _with_delivery(purchase: Purchase, event: DeliveryEvent) -> Purchase:
    filled = replace(
        purchase,
        delivery_id=_known(purchase.delivery_id, event.delivery_id),
        payment_id=_known(purchase.payment_id, event.payment_id),
    )
    if event.version <= filled.delivery_version:
        return filled
    if event.delivery_id is not None:
        filled = _with_address(filled, event)
    return replace(
        filled,
        delivery_status=event.delivery_status,
        delivered_at=event.delivered_at,
        carrier=event.carrier,
        tracking_number=event.tracking_number,
        delivery_version=event.version,
    )


def _with_address(purchase: Purchase, event: ReservationEvent | DeliveryEvent) -> Purchase:
    return replace(purchase, phone=event.phone, zip_code=event.zip_code, address=event.address)


def _known(value: T | None, given: T | None) -> T | None:
    return given if value is None else value
