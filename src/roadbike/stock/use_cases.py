"""What happens to the stock. Each reads: load, decide, save, tell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from roadbike.contracts.events import (
    DeliveryCancelled,
    DeliveryReturned,
    DeliveryStarted,
    PurchaseEvent,
    ReservationCancelled,
    ReservationRegistered,
)
from roadbike.kit.db import Tx
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.pure.events import Event
from roadbike.kit.pure.refusals import NotFound
from roadbike.stock import domain, store
from roadbike.stock.domain import Allocation, Bike

# the catalogue ---------------------------------------------------------------------------


async def register_bike(tx: Tx, bike_id: int | None, face: Mapping[str, Any]) -> Bike:
    """Put a bike on sale under its number, or the next one."""
    while True:
        bike = Bike(bike_id=bike_id or await store.next_number(tx), **face)
        if await store.add(tx, bike):
            break
        if bike_id is not None:
            raise domain.BikeExists(pointer="/bikeId", bike_id=bike_id)
        # somebody else has just taken the next number: then the one after it
    _record(tx, domain.unknown(bike.bike_id), bike)
    return bike


async def edit_bike(tx: Tx, bike_id: int, version: int, changes: Mapping[str, Any]) -> Bike:
    """Change that version of the bike; one that was withdrawn is on sale again."""
    before = await _at_version(tx, bike_id, version)
    return await _replace(tx, before, domain.edited(before, changes))


async def withdraw_bike(tx: Tx, bike_id: int, version: int) -> None:
    before = await _at_version(tx, bike_id, version)
    await _replace(tx, before, domain.taken_off_sale(before))


async def _at_version(tx: Tx, bike_id: int, version: int) -> Bike:
    bike = await store.BIKES.get(tx, bike_id)
    if bike is None:
        raise NotFound
    if bike.version != version:
        raise domain.refused_edit(bike, version)
    return bike


async def _replace(tx: Tx, before: Bike, after: Bike) -> Bike:
    if after == before:
        return before
    stored = await store.edit(tx, before, after)
    if stored is None:
        now = await _at_version(tx, before.bike_id, before.version)
        raise domain.refused_edit(now, before.version)
    _record(tx, before, stored)
    return stored


def _record(tx: Tx, before: Bike, after: Bike) -> None:
    store.enter(tx, domain.entered(before, after))
    publish(tx, domain.told_of(before, after))


# the units held for purchases ------------------------------------------------------------


async def answer_claim(tx: Tx, cause: ReservationRegistered) -> None:
    await _learn(tx, cause, registered=True, reserve_seq=cause.reserve_seq)


async def note_cancel(tx: Tx, cause: ReservationCancelled) -> None:
    if not cause.registered:
        return  # it never got past an intent: no claim was made, none will be
    await _learn(tx, cause, cancelled=True)


async def free_unit(tx: Tx, cause: DeliveryCancelled) -> None:
    await _learn(tx, cause, closed=True)


async def ship_unit(tx: Tx, cause: DeliveryStarted) -> None:
    await _learn(tx, cause, started=True)


async def take_back_unit(tx: Tx, cause: DeliveryReturned) -> None:
    await _learn(tx, cause, returned=True)


async def lock_batch(tx: Tx, events: Sequence[Event]) -> None:
    """Lock what a batch of events will touch: first the allocations, then the bikes."""
    causes = [event for event in events if isinstance(event, PurchaseEvent)]
    await store.ALLOCATIONS.lock(tx, sorted({cause.reservation_id for cause in causes}))
    await store.BIKES.lock(tx, sorted({cause.bike_id for cause in causes}))


async def _learn(tx: Tx, cause: PurchaseEvent, **facts: Any) -> None:
    known = await store.ALLOCATIONS.locked(tx, cause.reservation_id) or Allocation(
        reservation_id=cause.reservation_id, bike_id=cause.bike_id
    )
    learnt = replace(known, **facts)
    if learnt != known:  # else it was heard before
        await _settle(tx, learnt)


async def _settle(tx: Tx, allocation: Allocation) -> None:
    bike = await store.BIKES.locked(tx, allocation.bike_id) or domain.unknown(allocation.bike_id)
    decision = domain.decide(allocation, bike)
    store.ALLOCATIONS.save(tx, decision.allocation)
    if decision.bike != bike:
        store.BIKES.save(tx, decision.bike)
    store.enter(tx, decision.movements)
    for event in decision.events:
        publish(tx, event)
