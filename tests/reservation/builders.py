"""Bikes, reservations, requests and stock's events, with the fields that a test does not name."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from roadbike.contracts.events import AllocationEvent, StockAllocated, StockChanged
from roadbike.contracts.statuses import ReservationStatus, StockStatus
from roadbike.kit.db.ids import new_id
from roadbike.kit.idempotency import Key
from roadbike.reservation.domain import Bike, Reservation
from roadbike.reservation.use_cases.steps import ReservationRequest, Terms

A = TypeVar("A", bound=AllocationEvent)

NOON: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)  # 12:00 in Seoul
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


def a_pending(**fields: Any) -> Reservation:
    """Return a pending reservation of bike 1 by kim."""
    pending = Reservation(
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
    return replace(pending, **fields)


def a_reservation(**fields: Any) -> Reservation:
    """Return a registered reservation of bike 1 by kim."""
    registered = {
        "reservation_status": ReservationStatus.RESERVED,
        "registered": True,
        "reserve_seq": 1,
    }
    return a_pending(**registered | fields)


def a_request(
    name: str | None = None, *, fingerprint: str = "the same", **fields: Any
) -> ReservationRequest:
    """Return a request by kim for bike 1; name, fingerprint: of its idempotency key, if any."""
    defaults: dict[str, Any] = {
        "reservation_id": new_id(),
        "user_id": "kim",
        "bike_id": 1,
        "seen_price": None,
        "user_name": None,
        "zip_code": None,
        "address": None,
        "key": None if name is None else a_key(name, fingerprint=fingerprint),
    }
    return ReservationRequest(**defaults | fields)


def a_key(name: str, *, fingerprint: str = "the same", user_id: str = "kim") -> Key:
    return Key(user_id=user_id, route="POST /reservations", key=name, fingerprint=fingerprint)


def bike_changed(bike_id: int = 1, **fields: Any) -> StockChanged:
    """Return a StockChanged that says that three of three units are free."""
    defaults: dict[str, Any] = {
        "bike_id": bike_id,
        "bike_name": "TREK Emonda",
        "price": PRICE,
        "stock_quantity": 3,
        "held_quantity": 0,
        "bike_version": 1,
        "free": 3,
        "free_seq": 1,
    }
    return StockChanged(**defaults | fields)


def stock_answer(
    event: type[A], reservation_id: UUID, *, free: int = 2, free_seq: int = 2, bike_id: int = 1
) -> A:
    """Return stock's answer to a reservation; free: units that are free after it."""
    allocated = issubclass(event, StockAllocated)
    return event(
        reservation_id=reservation_id,
        bike_id=bike_id,
        stock_status=StockStatus.ALLOCATED if allocated else StockStatus.RELEASED,
        bike_version=1,
        free=free,
        free_seq=free_seq,
    )
