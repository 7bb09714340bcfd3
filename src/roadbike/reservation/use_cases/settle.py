"""Settle a reservation: decide what follows from its facts, save it, publish the events."""

from roadbike.kit.db import Tx
from roadbike.kit.messaging.outbox import publish_all
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Reservation


async def settle(tx: Tx, reservation: Reservation) -> Reservation:
    """Return the reservation as `decide` leaves it."""
    decided, events = domain.decide(reservation)
    if events and not decided.registered:  # it was cancelled while it was pending
        decided = await _released(tx, decided)
    store.save(tx, decided)
    publish_all(tx, events)
    return decided


async def _released(tx: Tx, reservation: Reservation) -> Reservation:
    """Return the unit and the idempotency key of a reservation that was never registered.

    Other services ignore its cancel, so stock will not answer it.
    """
    bike = await store.locked_bike(tx, reservation.bike_id)
    assert bike is not None  # the unit was taken from it
    answered, bike = domain.answered(reservation, bike)
    store.save_bike(tx, bike)
    store.delete_key(tx, reservation.reservation_id)
    return answered
