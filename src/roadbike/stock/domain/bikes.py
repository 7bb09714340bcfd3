"""The bikes of the catalogue: how many units there are, and how staff change them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from roadbike.contracts.events import AnyBikeEvent, StockChanged, StockRegistered, StockRemoved
from roadbike.contracts.geometry import Geometry
from roadbike.kit.pure.conditions import Precondition
from roadbike.kit.pure.refusals import PreconditionFailed, Refusal

# Two databases have two clocks: a smaller difference between their times says nothing.
CLOCK_DIFFERENCE: Final = timedelta(seconds=1)


class Why(StrEnum):
    """Why the number of units in the shop changed."""

    STAFF = "staff"
    SHIPPED = "shipped"
    RETURNED = "returned"


class BikeExists(Refusal):
    """The bike number is taken, perhaps by a withdrawn bike."""

    slug = "bike-exists"
    status = 409


class BelowHeld(Refusal):
    """The stock cannot be set below the number of units held for buyers."""

    slug = "below-held"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Bike:
    """A bike of the catalogue. price: KRW.

    stock_quantity: units in the shop, including held_quantity, those held for reservations.
    version: counts the changes of everything but held_quantity; it is the ETag.
    free_seq: grows by one with each change of `free`.
    withdrawn_at: when it was taken off sale, by stock's database; None while it is on sale, or
    when it was withdrawn before that time was kept.
    changed_by, changed_at: the user id of the staff member who changed it last, and when.
    """

    bike_id: int
    bike_name: str
    price: int
    stock_quantity: int
    held_quantity: int = 0
    brand: str | None = None
    frame_size: str | None = None
    colour: str | None = None
    description: str | None = None
    geometry: Geometry | None = None
    withdrawn: bool = False
    withdrawn_at: datetime | None = None
    version: int = 1
    free_seq: int = 1
    changed_by: str | None = None
    changed_at: datetime | None = None
    row_version: int = 0

    @property
    def free(self) -> int:
        """Return how many units can still be reserved."""
        return self.stock_quantity - self.held_quantity

    @property
    def bike_version(self) -> int:
        """Return the version, under the name that it has in events: BikeEvent.of reads it."""
        return self.version


AUDITED: Final = (  # what staff change of a bike
    *("bike_name", "price", "stock_quantity", "brand", "frame_size", "colour"),
    *("description", "geometry", "withdrawn"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """One entry of the ledger: units that came into the shop (delta > 0) or left it.

    recorded_by: the user id of staff; None for a parcel, whose delivery knows who moved it.
    """

    bike_id: int
    delta: int
    why: Why
    reservation_id: UUID | None = None
    recorded_by: str | None = None


def unknown(bike_id: int) -> Bike:
    """Return the placeholder of a bike that was never registered: no units, version 0."""
    return Bike(bike_id=bike_id, bike_name="", price=0, stock_quantity=0, version=0, free_seq=0)


def edited(
    bike: Bike, changes: Mapping[str, Any], now: datetime, *, on_sale: bool | None = None
) -> Bike:
    """Return the bike with these fields changed; whether it is on sale changes only if given."""
    after = replace(bike, **changes)
    if on_sale is not None and on_sale == bike.withdrawn:
        after = replace(after, withdrawn=not on_sale, withdrawn_at=None if on_sale else now)
    return _counted(bike, after)


def withdrawn(bike: Bike, now: datetime) -> Bike:
    """Return the bike taken off sale."""
    return edited(bike, {}, now, on_sale=False)


def serves(bike: Bike, reserved_at: datetime | None) -> bool:
    """Return whether a unit may go to a claim of that time, if one is free.

    reserved_at: by reservation's database. What was reserved before the bike was withdrawn is still
    served; reservation may take more until it has consumed StockRemoved.
    """
    if not bike.withdrawn:
        return True
    if bike.withdrawn_at is None or reserved_at is None:
        return False
    return reserved_at - bike.withdrawn_at < CLOCK_DIFFERENCE


def moved(bike: Bike, *, stock: int = 0, held: int = 0) -> Bike:
    """Return the bike with so many more units in the shop, and so many more of them held."""
    return _counted(
        bike,
        replace(
            bike,
            stock_quantity=bike.stock_quantity + stock,
            held_quantity=bike.held_quantity + held,
        ),
    )


def staff_movements(before: Bike, after: Bike) -> list[Movement]:
    """Return what an edit by staff enters into the ledger."""
    delta = after.stock_quantity - before.stock_quantity
    if not delta:
        return []
    by = after.changed_by
    return [Movement(bike_id=after.bike_id, delta=delta, why=Why.STAFF, recorded_by=by)]


def bike_event(before: Bike, after: Bike, by: str | None = None) -> AnyBikeEvent:
    """Return the event of a change. Its type alone says whether the bike is on sale now.

    by: the user id of the staff member who made it; None when a parcel left or came back.
    """
    if after.withdrawn:
        return StockRemoved.of(after, by=by)  # also when a unit sold before leaves or comes back
    if before.withdrawn or before.version == 0:
        return StockRegistered.of(after, by=by)
    return StockChanged.of(after, by=by)


def action_of(before: Bike, after: Bike) -> str:
    """Return what staff did to the bike, as the audit log names it."""
    if before.version == 0:
        return "added"
    if before.withdrawn != after.withdrawn:
        return "withdrawn" if after.withdrawn else "put-on-sale"
    return "edited"


def refused_edit(bike: Bike, condition: Precondition) -> Refusal:
    """Return why an edit of the bike under that condition was refused."""
    if not condition.allows(bike.version):
        return PreconditionFailed()
    return BelowHeld(held=bike.held_quantity)


def _counted(before: Bike, after: Bike) -> Bike:
    """Return the changed bike with its counters."""
    version, free_seq = before.version, before.free_seq
    if replace(after, held_quantity=before.held_quantity) != before:
        version += 1
    if after.free != before.free:
        free_seq += 1
    return replace(after, version=version, free_seq=free_seq)
