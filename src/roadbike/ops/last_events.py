"""The last event of an aggregate, made from its row: for events that the outbox has deleted.

It says what the last event said of the aggregate's state. What no row keeps is left out: who asked
for the change, and until when a payment may be paid.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

from roadbike.contracts.events import (
    AnyAllocationEvent,
    DeliveryCancelled,
    DeliveryCompleted,
    DeliveryEvent,
    DeliveryPrepared,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
    PaymentApproved,
    PaymentCancelled,
    PaymentConfirming,
    PaymentEvent,
    PaymentExpired,
    PaymentOpened,
    PaymentRefunding,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
    StockReleased,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus, ReservationStatus
from roadbike.delivery.store import DELIVERIES
from roadbike.kit.db import Tx
from roadbike.kit.pure.events import Event
from roadbike.payment.store import PAYMENTS
from roadbike.reservation.domain import Reservation
from roadbike.reservation.store import RESERVATIONS
from roadbike.stock import domain as stock
from roadbike.stock.domain import State
from roadbike.stock.store import ALLOCATIONS, BIKES

LastEvent = Callable[[Tx, str], Awaitable[Event | None]]  # of the aggregate with that key

PAYMENT_EVENTS: Final[Mapping[PaymentStatus, type[PaymentEvent]]] = {
    PaymentStatus.DUE: PaymentOpened,
    PaymentStatus.CONFIRMING: PaymentConfirming,
    PaymentStatus.PAID: PaymentApproved,
    PaymentStatus.REFUNDING: PaymentRefunding,
    PaymentStatus.CANCELLED: PaymentCancelled,
}
DELIVERY_EVENTS: Final[Mapping[DeliveryStatus, type[DeliveryEvent]]] = {
    DeliveryStatus.PREPARING: DeliveryPrepared,
    DeliveryStatus.STARTED: DeliveryStarted,
    DeliveryStatus.COMPLETED: DeliveryCompleted,
    DeliveryStatus.CANCELLED: DeliveryCancelled,
    DeliveryStatus.RECALLING: DeliveryRecalled,
    DeliveryStatus.RETURNED: DeliveryReturned,
}

UNIT_EVENTS: Final[Mapping[State, tuple[type[AnyAllocationEvent], Reason | None]]] = {
    State.HELD: (StockAllocated, None),
    State.SHIPPED: (StockAllocated, None),
    State.SHORT: (StockShort, Reason.SOLD_OUT),
    State.RELEASED: (StockReleased, Reason.NOT_SENT),
    State.RETURNED: (StockReleased, Reason.RETURNED),
}


async def of_bike(tx: Tx, key: str) -> Event | None:
    """Return what stock says of the bike now."""
    bike = await BIKES.get(tx, int(key))
    return None if bike is None else stock.bike_event(bike, bike, by=bike.changed_by)


async def of_allocation(tx: Tx, key: str) -> Event | None:
    """Return what became of the unit; None as long as stock has not answered."""
    unit = await ALLOCATIONS.get(tx, UUID(key))
    if unit is None or unit.state is State.UNSEEN:
        return None
    bike = await BIKES.get(tx, unit.bike_id) or stock.unknown(unit.bike_id)
    kind, reason = UNIT_EVENTS[unit.state]
    if unit.state is State.RELEASED and unit.cancelled and not unit.closed:
        reason = Reason.RESERVATION_CANCELLED  # the cancel came before the registration
    return kind(
        reservation_id=unit.reservation_id,
        bike_id=unit.bike_id,
        stock_status=stock.STATUSES[kind],
        reason=reason,
        bike_version=bike.version,
        free=bike.free,
        free_seq=bike.free_seq,
    )


async def of_reservation(tx: Tx, key: str) -> Event | None:
    """Return the registration or the cancel; None for one that is still pending."""
    reservation = await RESERVATIONS.get(tx, UUID(key))
    match reservation:
        case None | Reservation(reservation_status=ReservationStatus.PENDING):
            return None
        case Reservation(reservation_status=ReservationStatus.CANCELLED):
            return ReservationCancelled.of(reservation, by=reservation.cancelled_by)
        case _:
            return ReservationRegistered.of(reservation)


async def of_payment(tx: Tx, key: str) -> Event | None:
    """Return the event of the payment's status; None for one that was never opened."""
    payment = await PAYMENTS.get(tx, UUID(key))
    if payment is None or payment.payment_status is None:
        return None
    if payment.payment_status is PaymentStatus.CANCELLED and payment.expired:
        return PaymentExpired.of(payment)
    return PAYMENT_EVENTS[payment.payment_status].of(payment)


async def of_delivery(tx: Tx, key: str) -> Event | None:
    """Return the event of the parcel's status; None before there is one."""
    delivery = await DELIVERIES.get(tx, UUID(key))
    if delivery is None:
        return None
    if delivery.delivery_status is None:
        closed = DeliveryCancelled.of(delivery, delivery_id=None)
        return closed if delivery.closed else None
    return DELIVERY_EVENTS[delivery.delivery_status].of(delivery)


LAST_EVENTS: Final[Mapping[str, Mapping[str, LastEvent]]] = {  # by service and kind
    "stock": {"bike": of_bike, "allocation": of_allocation},
    "reservation": {"reservation": of_reservation},
    "payment": {"payment": of_payment},
    "delivery": {"delivery": of_delivery},
}
