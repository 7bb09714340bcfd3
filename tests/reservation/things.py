"""Bikes of the copy, reservations and orders, and what stock tells of them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from roadbike.contracts.events import AllocationEvent, StockAllocated, StockChanged
from roadbike.contracts.statuses import ReservationStatus, StockStatus
from roadbike.kit.db.ids import new_id
from roadbike.kit.idempotency import Key
from roadbike.reservation.domain import Bike, Reservation
from roadbike.reservation.use_cases.reserve import Order, Terms

A = TypeVar("A", bound=AllocationEvent)

NOON: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)  # in Seoul
PRICE: Final = 5_100_000
TERMS: Final = Terms(overbook=0, store_name="분당야탑점")

EMONDA: Final = Bike(
    bike_id=1,
    bike_name="TREK Emonda",
    price=PRICE,
    on_sale=True,
    bike_version=1,
    free=3,
    free_seq=1,
)


def an_intent(**more: Any) -> Reservation:
    whole = Reservation(
        reservation_id=new_id(),
        bike_id=1,
        bike_name="TREK Emonda",
        user_id="kim",
        user_name=None,
        store_name="분당야탑점",
        reserved_at=NOON,
        price=PRICE,
        zip_code=None,
        address=None,
        bike_version=1,
    )
    return replace(whole, **more)


def a_reservation(**more: Any) -> Reservation:
    reserved = {"reservation_status": ReservationStatus.RESERVED, "registered": True}
    return an_intent(**reserved, **more)


def an_order(name: str | None = None, *, asked: str = "as always", **more: Any) -> Order:
    """name: of kim's idempotency key; asked: what its fingerprint is made of."""
    whole: dict[str, Any] = {
        "reservation_id": new_id(),
        "user_id": "kim",
        "bike_id": 1,
        "seen_price": None,
        "user_name": None,
        "zip_code": None,
        "address": None,
        "key": None if name is None else a_key(name, asked=asked),
    }
    return Order(**whole | more)


def a_key(name: str, *, asked: str = "as always", user_id: str = "kim") -> Key:
    return Key(user_id=user_id, route="POST /reservations", key=name, fingerprint=asked)


def bike_told(bike_id: int = 1, **more: Any) -> StockChanged:
    """Three of three units are free, unless said otherwise."""
    whole: dict[str, Any] = {
        "bike_id": bike_id,
        "bike_name": "TREK Emonda",
        "price": PRICE,
        "stock_quantity": 3,
        "held_quantity": 0,
        "bike_version": 1,
        "free": 3,
        "free_seq": 1,
    }
    return StockChanged(**whole | more)


def answered(
    event: type[A], reservation_id: UUID, *, free: int = 2, free_seq: int = 2, bike_id: int = 1
) -> A:
    """Stock's answer to a reservation, and how many units are free after it."""
    allocated = issubclass(event, StockAllocated)
    return event(
        reservation_id=reservation_id,
        bike_id=bike_id,
        stock_status=StockStatus.ALLOCATED if allocated else StockStatus.RELEASED,
        bike_version=1,
        free=free,
        free_seq=free_seq,
    )
