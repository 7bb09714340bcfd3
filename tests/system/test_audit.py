"""The books find what must not be in a shop: each fault is put into a healthy one, and named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.stock.domain import State, Why
from tests.system.audit import Books, Purchase

PRICE: Final = 5_100_000
CAPTURE: Final = ("capture", PRICE)
REFUND: Final = ("refund", PRICE)

Change = Callable[[Purchase], object]


def purchase(
    reservation: ReservationStatus,
    payment: PaymentStatus,
    state: State,
    delivery: DeliveryStatus | None = None,
    *,
    journal: list[tuple[str, int]],
    moved: dict[str, int] | None = None,
) -> Purchase:
    gone = {State.RELEASED, State.RETURNED}
    return Purchase(
        {"registered": True, "reservation_status": reservation, "price": PRICE, "user_id": "kim"},
        payment={"payment_status": payment, "price": PRICE},
        allocation={"state": state, "bike_id": 1},
        delivery={"delivery_status": delivery},
        page={
            "registered": True,
            "reservation_status": reservation,
            "payment_status": payment,
            "delivery_status": delivery,
            "stock_status": StockStatus.RELEASED if state in gone else StockStatus.ALLOCATED,
        },
        journal=list(journal),
        money=list(journal),
        moved=moved or {},
    )


def due() -> Purchase:
    return purchase(ReservationStatus.RESERVED, PaymentStatus.DUE, State.HELD, journal=[])


def delivered() -> Purchase:
    return purchase(
        *(ReservationStatus.RESERVED, PaymentStatus.PAID, State.SHIPPED, DeliveryStatus.COMPLETED),
        journal=[CAPTURE],
        moved={Why.SHIPPED: -1},
    )


def cancelled() -> Purchase:
    return purchase(
        *(ReservationStatus.CANCELLED, PaymentStatus.CANCELLED, State.RELEASED),
        DeliveryStatus.CANCELLED,
        journal=[CAPTURE, REFUND],
    )


def returned() -> Purchase:
    return purchase(
        *(ReservationStatus.CANCELLED, PaymentStatus.CANCELLED, State.RETURNED),
        DeliveryStatus.RETURNED,
        journal=[CAPTURE, REFUND],
        moved={Why.SHIPPED: -1, Why.RETURNED: 1},
    )


def never() -> Purchase:
    """An intent that was given up."""
    of_an_intent = {"registered": False, "reservation_status": ReservationStatus.CANCELLED}
    return Purchase({"price": PRICE, "user_id": "kim", **of_an_intent})


def books(one: Purchase, **bike: int) -> Books:
    healthy = {"stock_quantity": 3, "ledger": 3, "held_quantity": 1, "holds": 1}
    return Books({"r": one}, {1: healthy | bike})


@pytest.mark.parametrize("make", [due, delivered, cancelled, returned, never])
def test_a_healthy_shop_has_no_faults(make: Callable[[], Purchase]) -> None:
    assert books(make()).faults() == []


@pytest.mark.parametrize("wrong", [{"stock_quantity": 4}, {"held_quantity": 2}])
def test_a_bike_that_is_counted_wrong_is_found(wrong: dict[str, int]) -> None:
    assert len(books(due(), **wrong).faults()) == 1


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (due, {"journal": [CAPTURE], "money": [CAPTURE]}),
        (due, {"payment": {"payment_status": PaymentStatus.DUE, "price": PRICE - 1}}),
        (due, {"payment": {}}),
        (due, {"allocation": {"state": State.RELEASED}}),
        (due, {"delivery": {"delivery_status": DeliveryStatus.PREPARING}}),
        (due, {"page": {}}),
        (delivered, {"journal": [], "money": []}),
        (delivered, {"journal": [CAPTURE, CAPTURE], "money": [CAPTURE, CAPTURE]}),
        (delivered, {"money": []}),
        (delivered, {"moved": {}}),
        (delivered, {"moved": {Why.SHIPPED: -1, Why.RETURNED: 1}}),
        (delivered, {"delivery": {"delivery_status": None}}),
        (cancelled, {"journal": [CAPTURE], "money": [CAPTURE]}),
        (cancelled, {"allocation": {"state": State.HELD}}),
        (cancelled, {"delivery": {"delivery_status": DeliveryStatus.PREPARING}}),
        (cancelled, {"payment": {"payment_status": PaymentStatus.DUE, "price": PRICE}}),
        (returned, {"moved": {Why.SHIPPED: -1}}),
        (never, {"payment": {"payment_status": PaymentStatus.DUE, "price": PRICE}}),
        (never, {"allocation": {"state": State.HELD}}),
        (never, {"page": {"registered": True}}),
        (never, {"reservation": never().reservation | {"reservation_status": "접수중"}}),
    ],
)
def test_what_must_not_be_is_found(make: Callable[[], Purchase], change: dict[str, Any]) -> None:
    assert books(replace(make(), **change)).faults() != []
