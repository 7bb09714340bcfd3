"""What a reservation is and how it may change. Pure: no clock, no database, no network."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from roadbike.contracts.events import (
    AllocationEvent,
    BikeEvent,
    ReservationCancelled,
    ReservationRegistered,
    StockRemoved,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.pure.lifecycle import Lifecycle
from roadbike.kit.pure.refusals import NotFound, Refusal

LIFECYCLE: Final = Lifecycle(
    {
        ReservationStatus.PENDING: {ReservationStatus.RESERVED, ReservationStatus.CANCELLED},
        ReservationStatus.RESERVED: {ReservationStatus.CANCELLED},
    }
)


class NotOnSale(NotFound):
    """Nobody knows such a bike, or it was withdrawn."""

    slug = "not-on-sale"


class SoldOut(Refusal):
    """No unit of the bike is left, as far as the catalogue copy knows."""

    slug = "sold-out"
    status = 409


class PriceChanged(Refusal):
    """The buyer saw another price; `price` in the answer is today's."""

    slug = "price-changed"
    status = 409


class AlreadyShipped(Refusal):
    """The bike has left the shop: staff may recall it."""

    slug = "already-shipped"
    status = 409


class AlreadyDelivered(Refusal):
    """The bike has arrived: staff may take it back."""

    slug = "already-delivered"
    status = 409


@dataclass(frozen=True, kw_only=True, slots=True)
class Bike:
    """The catalogue's copy of one bike.

    unanswered: own reservations and intents that stock has not answered yet.
    """

    bike_id: int
    bike_name: str = ""
    price: int = 0  # KRW
    brand: str | None = None
    frame_size: str | None = None
    colour: str | None = None
    on_sale: bool = False
    bike_version: int = 0  # of name, price and text
    free: int = 0
    free_seq: int = 0
    unanswered: int = 0
    as_of: datetime | None = None  # when stock told the latest of it
    row_version: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """registered: it got past an intent, so that others know of it.

    answered: its place in the allowance was given back, by stock's answer or by its own cancel.
    """

    reservation_id: UUID
    bike_id: int
    bike_name: str
    user_id: str
    user_name: str | None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus = ReservationStatus.PENDING
    price: int  # KRW, frozen
    zip_code: str | None
    address: str | None
    bike_version: int
    registered: bool = False
    reserve_seq: int | None = None
    reason: Reason | None = None
    answered: bool = False
    shipped: bool = False
    delivered: bool = False
    row_version: int = 0


def take_one(bike: Bike | None, *, seen_price: int | None, overbook: int) -> Bike:
    """Take one from the allowance. Raises NotOnSale, PriceChanged, SoldOut."""
    if bike is None or not bike.on_sale:
        raise NotOnSale
    if seen_price is not None and seen_price != bike.price:
        raise PriceChanged(
            extra={"price": bike.price}, price=f"{bike.price:,}", bike=bike.bike_name
        )
    if bike.free + overbook - bike.unanswered <= 0:
        raise SoldOut(bike=bike.bike_name)
    return replace(bike, unanswered=bike.unanswered + 1)


def register(
    reservation: Reservation, reserve_seq: int
) -> tuple[Reservation, ReservationRegistered]:
    """Make the intent a reservation; its payment is open."""
    LIFECYCLE.check(reservation.reservation_status, ReservationStatus.RESERVED)
    registered = replace(
        reservation,
        reservation_status=ReservationStatus.RESERVED,
        registered=True,
        reserve_seq=reserve_seq,
    )
    return registered, ReservationRegistered.of(registered)


def cancel(reservation: Reservation, reason: Reason) -> tuple[Reservation, ReservationCancelled]:
    LIFECYCLE.check(reservation.reservation_status, ReservationStatus.CANCELLED)
    cancelled = replace(reservation, reservation_status=ReservationStatus.CANCELLED, reason=reason)
    return cancelled, ReservationCancelled.of(cancelled)


def check_cancellable(reservation: Reservation) -> None:
    """Refuse the buyer what only staff can undo. Raises AlreadyDelivered, AlreadyShipped."""
    if reservation.delivered:
        raise AlreadyDelivered
    if reservation.shipped:
        raise AlreadyShipped


def is_cancelled(reservation: Reservation) -> bool:
    return reservation.reservation_status is ReservationStatus.CANCELLED


def shipped(reservation: Reservation) -> Reservation:
    return replace(reservation, shipped=True)


def delivered(reservation: Reservation) -> Reservation:
    return replace(reservation, shipped=True, delivered=True)


def answer(reservation: Reservation, bike: Bike) -> tuple[Reservation, Bike]:
    """Give the reservation's place in the allowance back: the first answer counts, once."""
    if reservation.answered:
        return reservation, bike
    return replace(reservation, answered=True), replace(bike, unanswered=bike.unanswered - 1)


def with_catalogue(bike: Bike, told: BikeEvent) -> Bike:
    """The copy with what the event knows better."""
    bike = with_free(bike, told)
    if told.bike_version <= bike.bike_version:
        return bike
    return replace(
        bike,
        bike_name=told.bike_name,
        price=told.price,
        brand=told.brand,
        frame_size=told.frame_size,
        colour=told.colour,
        on_sale=not isinstance(told, StockRemoved),
        bike_version=told.bike_version,
    )


def as_of(bike: Bike, told_at: datetime) -> Bike:
    """The copy is as fresh as the latest that stock told."""
    return bike if bike.as_of and bike.as_of >= told_at else replace(bike, as_of=told_at)


def with_free(bike: Bike, told: BikeEvent | AllocationEvent) -> Bike:
    """The copy with the newer count of free units."""
    if told.free_seq <= bike.free_seq:
        return bike
    return replace(bike, free=told.free, free_seq=told.free_seq)
