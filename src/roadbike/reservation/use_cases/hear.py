"""What reservation learns from others without being cancelled by it."""

from collections.abc import Sequence

from roadbike.contracts.events import (
    AllocationEvent,
    BikeEvent,
    DeliveryCompleted,
    DeliveryStarted,
    PurchaseEvent,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.kit.db import Tx
from roadbike.kit.messaging.broker import Message
from roadbike.kit.pure.events import Event
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Bike
from roadbike.reservation.use_cases.cancel import cancel_unless_done


async def copy_bike(tx: Tx, told: BikeEvent, message: Message) -> None:
    bike = await store.locked_bike(tx, told.bike_id) or Bike(bike_id=told.bike_id)
    store.save_bike(tx, domain.as_of(domain.with_catalogue(bike, told), message.time))


async def stock_answered(tx: Tx, told: AllocationEvent, message: Message) -> None:
    """Count the first answer; a reservation that stock has no unit for is cancelled."""
    reservation = await store.locked(tx, told.reservation_id)
    bike = await store.locked_bike(tx, told.bike_id) or Bike(bike_id=told.bike_id)
    reservation, bike = domain.answer(reservation, domain.with_free(bike, told))
    store.save(tx, reservation)
    store.save_bike(tx, domain.as_of(bike, message.time))
    if isinstance(told, StockShort):
        await cancel_unless_done(tx, told.reservation_id, Reason.SOLD_OUT)


async def bike_shipped(tx: Tx, told: DeliveryStarted) -> None:
    reservation = await store.locked(tx, told.reservation_id)
    store.save(tx, domain.shipped(reservation))


async def bike_delivered(tx: Tx, told: DeliveryCompleted) -> None:
    reservation = await store.locked(tx, told.reservation_id)
    store.save(tx, domain.delivered(reservation))


async def prefetch(tx: Tx, events: Sequence[Event]) -> None:
    """Lock all that a batch will touch, reservations before bikes."""
    purchases = [event for event in events if isinstance(event, PurchaseEvent)]
    await store.lock_reservations(tx, sorted({event.reservation_id for event in purchases}))
    told = [event for event in events if isinstance(event, (BikeEvent, AllocationEvent))]
    await store.lock_bikes(tx, sorted({event.bike_id for event in told}))
