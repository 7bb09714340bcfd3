"""Reservation's copy of the bikes of the catalogue, and how many are available to reserve."""

from dataclasses import dataclass, replace
from datetime import datetime

from roadbike.contracts.events import AllocationEvent, BikeEvent, StockRemoved
from roadbike.reservation.domain.refusals import NotOnSale, PriceChanged, SoldOut


@dataclass(frozen=True, kw_only=True, slots=True)
class Bike:
    """Reservation's copy of one bike of the catalogue, updated by stock's events.

    bike_version: the version that name, price and texts were taken from.
    free: units that stock does not hold for anyone, as of free_seq.
    unanswered: reservations, pending ones included, that `free` does not reflect yet because
    stock has not answered them.
    as_of: time of the latest event about the bike.
    """

    bike_id: int
    bike_name: str = ""
    price: int = 0  # KRW
    brand: str | None = None
    frame_size: str | None = None
    colour: str | None = None
    on_sale: bool = False
    bike_version: int = 0
    free: int = 0
    free_seq: int = 0
    unanswered: int = 0
    as_of: datetime | None = None
    row_version: int = 0


def available(bike: Bike, overbook: int) -> int:
    """Return how many units can be reserved. overbook: units beyond those known to be free."""
    return bike.free + overbook - bike.unanswered


def take_one(bike: Bike | None, *, seen_price: int | None, overbook: int) -> Bike:
    """Return the bike with one unit fewer available to reserve.

    seen_price: what the buyer was shown, in KRW, if known. overbook: units that may be reserved
    beyond those known to be free. Raises NotOnSale, PriceChanged, SoldOut.
    """
    if bike is None or not bike.on_sale:
        raise NotOnSale
    if seen_price is not None and seen_price != bike.price:
        raise PriceChanged(
            extra={"price": bike.price}, price=f"{bike.price:,}", bike=bike.bike_name
        )
    if available(bike, overbook) <= 0:
        raise SoldOut(bike=bike.bike_name)
    return replace(bike, unanswered=bike.unanswered + 1)


def with_catalogue(bike: Bike, event: BikeEvent) -> Bike:
    """Return the copy with what is newer in the event."""
    bike = with_free(bike, event)
    if event.bike_version <= bike.bike_version:
        return bike
    return replace(
        bike,
        bike_name=event.bike_name,
        price=event.price,
        brand=event.brand,
        frame_size=event.frame_size,
        colour=event.colour,
        on_sale=not isinstance(event, StockRemoved),
        bike_version=event.bike_version,
    )


def with_free(bike: Bike, event: BikeEvent | AllocationEvent) -> Bike:
    """Return the copy with the event's number of free units, if that is newer."""
    if event.free_seq <= bike.free_seq:
        return bike
    return replace(bike, free=event.free, free_seq=event.free_seq)


def as_of(bike: Bike, time: datetime) -> Bike:
    """Return the copy with the time of the latest event about it."""
    return bike if bike.as_of and bike.as_of >= time else replace(bike, as_of=time)
