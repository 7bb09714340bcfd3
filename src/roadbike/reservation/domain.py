"""What a reservation is and how it may change. Pure: no clock, no database, no network."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID

from roadbike.contracts.events import (
    AllocationEvent,
    AnyAllocationEvent,
    AnyReservationEvent,
    BikeEvent,
    DeliveryCompleted,
    DeliveryEvent,
    DeliveryReturned,
    DeliveryStarted,
    PaymentCancelled,
    PaymentEvent,
    PaymentExpired,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
    StockReleased,
    StockRemoved,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.pure.events import RefusedEvent
from roadbike.kit.pure.lifecycle import Lifecycle
from roadbike.kit.pure.refusals import NotFound, Refusal

LIFECYCLE: Final = Lifecycle(
    {
        ReservationStatus.PENDING: {ReservationStatus.RESERVED, ReservationStatus.CANCELLED},
        ReservationStatus.RESERVED: {ReservationStatus.CANCELLED},
    }
)

Cause = (
    AnyAllocationEvent
    | PaymentCancelled
    | PaymentExpired
    | DeliveryStarted
    | DeliveryCompleted
    | DeliveryReturned
)


class NotOnSale(NotFound):
    """The bike is unknown or was withdrawn from sale."""

    slug = "not-on-sale"


class SoldOut(Refusal):
    """According to the copy of the catalogue, all units of the bike are reserved."""

    slug = "sold-out"
    status = 409


class TooManyOpenReservations(Refusal):
    """The buyer has as many open reservations as one buyer may have."""

    slug = "too-many-open-reservations"
    status = 409


class PriceChanged(Refusal):
    """The buyer was shown another price; `price` in the answer is the current one."""

    slug = "price-changed"
    status = 409


class AlreadyShipped(Refusal):
    """The bike has left the shop; only staff can recall it."""

    slug = "already-shipped"
    status = 409


class AlreadyDelivered(Refusal):
    """The bike was delivered; only staff can take it back."""

    slug = "already-delivered"
    status = 409


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """One unit of a bike, reserved by a buyer, and the facts that are known about it.

    reserve_seq: its number in the order of registration; drawn once its payment is open.
    reason: why it has to be cancelled, None as long as it need not be; the first reason is kept.
    cancelled_by: the user id of the buyer or of staff; None when the shop had to cancel it.
    shipped, delivered: where the bike is, as far as delivery's events say.
    answered: its bike no longer counts it as unanswered.
    registered: it was RESERVED at some time, so that other services know it.
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
    phone: str | None = None
    bike_version: int
    registered: bool = False
    reserve_seq: int | None = None
    reason: Reason | None = None
    cancelled_by: str | None = None
    answered: bool = False
    shipped: bool = False
    delivered: bool = False
    row_version: int = 0


def check_purchase(reservation: Reservation, cause: Cause) -> None:
    """Check that the event is about this buyer and bike. Raises RefusedEvent.

    The price is not compared: these events undo, and a payment over a wrong price is undone, too.
    """
    if cause.bike_id != reservation.bike_id:
        raise RefusedEvent(f"reserved is bike {reservation.bike_id}, not {cause.bike_id}")
    user_id = cause.user_id if isinstance(cause, PaymentEvent | DeliveryEvent) else None
    if user_id is not None and user_id != reservation.user_id:
        raise RefusedEvent("the reservation belongs to another user")


def noted(reservation: Reservation, cause: Cause) -> Reservation:
    """Return the reservation with one more fact; unchanged when the fact was known before."""
    match cause:
        case StockAllocated() | StockReleased():
            return reservation  # all there is to note is that stock answered: see `answered`
        case DeliveryStarted():
            return replace(reservation, shipped=True)
        case DeliveryCompleted():
            return replace(reservation, shipped=True, delivered=True)
        case StockShort():
            reason = Reason.SOLD_OUT
        case PaymentCancelled():
            reason = Reason.PAYMENT_CANCELLED
        case PaymentExpired():
            reason = Reason.UNPAID
        case DeliveryReturned():
            reason = Reason.RETURNED
        case _:
            assert_never(cause)
    return to_cancel(reservation, reason)


def to_cancel(reservation: Reservation, reason: Reason, by: str | None = None) -> Reservation:
    """Note a reason to cancel, and the user who asked for it; what is known already is kept."""
    if reservation.reason:
        return reservation
    return replace(reservation, reason=reason, cancelled_by=by)


def opened(reservation: Reservation, reserve_seq: int) -> Reservation:
    """Note that the payment is open, and the number drawn for the registration."""
    return replace(reservation, reserve_seq=reserve_seq)


def answered(reservation: Reservation, bike: Bike) -> tuple[Reservation, Bike]:
    """Note that the bike need not count the reservation as unanswered any more, once."""
    if reservation.answered:
        return reservation, bike
    return replace(reservation, answered=True), replace(bike, unanswered=bike.unanswered - 1)


def decide(reservation: Reservation) -> tuple[Reservation, list[AnyReservationEvent]]:
    """Return what follows from the facts known so far, in whatever order they came.

    A reason to cancel cancels even when the bike was shipped or delivered, because money or bike
    has gone back elsewhere. A buyer's wish is checked before it is noted (`check_cancellable`).
    """
    match reservation.reservation_status:
        case ReservationStatus.PENDING | ReservationStatus.RESERVED if reservation.reason:
            cancelled = _stepped(reservation, ReservationStatus.CANCELLED)
            return cancelled, [ReservationCancelled.of(cancelled, by=cancelled.cancelled_by)]
        case ReservationStatus.PENDING if reservation.reserve_seq is not None:
            stepped = _stepped(reservation, ReservationStatus.RESERVED)
            registered = replace(stepped, registered=True)
            return registered, [ReservationRegistered.of(registered)]
        case _:
            return reservation, []


def check_cancellable(reservation: Reservation) -> None:
    """Refuse a cancel that only staff can make good. Raises AlreadyDelivered, AlreadyShipped."""
    if reservation.delivered:
        raise AlreadyDelivered
    if reservation.shipped:
        raise AlreadyShipped


def is_cancelled(reservation: Reservation) -> bool:
    return reservation.reservation_status is ReservationStatus.CANCELLED


def is_pending(reservation: Reservation) -> bool:
    return reservation.reservation_status is ReservationStatus.PENDING


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
    if bike.free + overbook - bike.unanswered <= 0:
        raise SoldOut(bike=bike.bike_name)
    return replace(bike, unanswered=bike.unanswered + 1)


def check_open(open_: int, limit: int) -> None:
    """Check that the buyer may have one more open reservation. Raises TooManyOpenReservations.

    open_: the number that the buyer has. An open reservation is not cancelled and its bike has not
    left the shop, paid or not: it holds a unit that nobody else can buy. limit: 0 is no limit.
    """
    if limit and open_ >= limit:
        raise TooManyOpenReservations(limit=limit)


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


def _stepped(reservation: Reservation, to: ReservationStatus) -> Reservation:
    LIFECYCLE.check(reservation.reservation_status, to)
    return replace(reservation, reservation_status=to)
