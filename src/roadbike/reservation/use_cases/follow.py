"""Follow the events of other services: copy the catalogue, note facts, settle."""

from collections.abc import Sequence

from roadbike.contracts.events import AllocationEvent, AnyAllocationEvent, AnyBikeEvent, BikeEvent
from roadbike.kit.db import Tx
from roadbike.kit.messaging.broker import Message
from roadbike.kit.pure.events import RefusedEvent
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Bike, Cause, Reservation
from roadbike.reservation.use_cases.settle import settle


async def follow_purchase(tx: Tx, cause: Cause) -> None:
    """Note what happened to the purchase and do what follows from it.

    Raises RefusedEvent when it is not an event about a reservation of this service.
    """
    reservation = await _locked(tx, cause)
    noted = domain.noted(reservation, cause)
    if noted != reservation:
        await settle(tx, noted)


async def follow_stock(tx: Tx, cause: AnyAllocationEvent, message: Message) -> None:
    """Take over stock's answer to a reservation: the first one counts on the bike, once.

    Raises RefusedEvent when it is not an event about a reservation of this service.
    """
    reservation = await _locked(tx, cause)
    before = await store.locked_bike_or_new(tx, cause.bike_id)
    answered, bike = domain.answered(reservation, domain.with_free(before, cause))
    _save_changed(tx, before, domain.as_of(bike, message.time))
    noted = domain.noted(answered, cause)
    if noted != reservation:
        await settle(tx, noted)


async def copy_bike(tx: Tx, cause: BikeEvent, message: Message) -> None:
    """Take over what is newer in the event than in the copy of the catalogue."""
    before = await store.locked_bike_or_new(tx, cause.bike_id)
    _save_changed(tx, before, domain.as_of(domain.with_catalogue(before, cause), message.time))


def _save_changed(tx: Tx, before: Bike, after: Bike) -> None:
    """An event that is published again changes nothing."""
    if after != before:
        store.save_bike(tx, after)


async def _locked(tx: Tx, cause: Cause) -> Reservation:
    reservation = await store.locked(tx, cause.reservation_id)
    if reservation is None:  # it is written before anybody learns of it, so no retry finds it
        raise RefusedEvent("the reservation does not exist")
    domain.check_purchase(reservation, cause)
    return reservation


async def prefetch(tx: Tx, causes: Sequence[Cause | AnyBikeEvent]) -> None:
    """Load and lock all rows that a batch of messages will touch, reservations before bikes."""
    purchases = {cause.reservation_id for cause in causes if not isinstance(cause, BikeEvent)}
    bikes = {cause.bike_id for cause in causes if isinstance(cause, BikeEvent | AllocationEvent)}
    await store.lock_reservations(tx, sorted(purchases))
    await store.lock_bikes(tx, sorted(bikes))
