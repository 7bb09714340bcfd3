"""A purchase as its buyer sees it, folded from events. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Any, Final, assert_never
from uuid import UUID

from roadbike.contracts.events import (
    AnyPurchaseEvent,
    DeliveryCancelled,
    DeliveryCompleted,
    DeliveryPrepared,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
    PaymentApproved,
    PaymentCancelled,
    PaymentConfirming,
    PaymentDeclined,
    PaymentExpired,
    PaymentOpened,
    PaymentRefunding,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
    StockReleased,
    StockShort,
)
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """What is known of one purchase. `registered`: it may be shown.

    One version per kind of event: of the one that the kind's changing fields were taken from.
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
    payment_id: UUID | None = None
    payment_status: PaymentStatus | None = None
    delivery_id: UUID | None = None
    delivery_status: DeliveryStatus | None = None
    delivered_at: datetime | None = None
    stock_status: StockStatus = StockStatus.WAITING
    reservation_version: int = 0
    allocation_version: int = 0
    payment_version: int = 0
    delivery_version: int = 0
    row_version: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """What events of one kind say: once and for all, and until a later one says otherwise."""

    constant: tuple[str, ...] = ()
    changing: tuple[str, ...]


RESERVATION: Final = Fields(
    constant=("bike_name", "user_id", "user_name", "store_name", "reserved_at", "price"),
    changing=("reservation_status",),
)
ALLOCATION: Final = Fields(changing=("stock_status",))
PAYMENT: Final = Fields(constant=("payment_id", "user_id", "price"), changing=("payment_status",))
DELIVERY: Final = Fields(
    constant=("delivery_id", "payment_id", "user_id", "user_name"),
    changing=("delivery_status", "delivered_at"),
)


def apply(purchase: Purchase, event: AnyPurchaseEvent) -> Purchase:
    """The purchase after one more event; the same for every order of the events."""
    match event:
        case ReservationRegistered():
            return replace(_told(purchase, event, RESERVATION), registered=True)
        case ReservationCancelled():
            return _told(purchase, event, RESERVATION)
        case StockAllocated() | StockShort() | StockReleased():
            return _told(purchase, event, ALLOCATION)
        case (
            PaymentOpened()
            | PaymentConfirming()
            | PaymentDeclined()
            | PaymentApproved()
            | PaymentRefunding()
            | PaymentCancelled()
            | PaymentExpired()
        ):
            return _told(purchase, event, PAYMENT)
        case (
            DeliveryPrepared()
            | DeliveryStarted()
            | DeliveryCompleted()
            | DeliveryCancelled()
            | DeliveryRecalled()
            | DeliveryReturned()
        ):
            return _told(purchase, event, DELIVERY)
        case _:
            assert_never(event)


def begun(event: AnyPurchaseEvent, row_version: int = 0) -> Purchase:
    """A purchase of which nothing is known but that there is such an event."""
    return Purchase(
        reservation_id=event.reservation_id, bike_id=event.bike_id, row_version=row_version
    )


def fold(events: Sequence[AnyPurchaseEvent], row_version: int = 0) -> Purchase:
    """The purchase that these events, at least one, make."""
    return reduce(apply, events, begun(events[0], row_version))


def may_be_cancelled(purchase: Purchase) -> bool:
    """Whether its buyer may cancel it; once it has left the shop only staff can undo it."""
    return (
        purchase.reservation_status is ReservationStatus.RESERVED
        and purchase.delivery_status in {None, DeliveryStatus.PREPARING}
    )


def may_be_paid(purchase: Purchase) -> bool:
    return (
        purchase.reservation_status is ReservationStatus.RESERVED
        and purchase.payment_status is PaymentStatus.DUE
    )


def _told(purchase: Purchase, event: AnyPurchaseEvent, fields: Fields) -> Purchase:
    news: dict[str, Any] = {
        name: getattr(event, name) for name in fields.constant if getattr(purchase, name) is None
    }
    version_of_kind = f"{event.kind}_version"
    if event.version > getattr(purchase, version_of_kind):  # a status never goes backwards
        news |= {name: getattr(event, name) for name in fields.changing}
        news[version_of_kind] = event.version
    return replace(purchase, **news) if news else purchase
