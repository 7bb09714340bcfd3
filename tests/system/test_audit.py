"""The audit finds each fault that is put into a correct shop."""

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
from tests.system.audit import Audit, Purchase

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
    released = {State.RELEASED, State.RETURNED}
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
            "stock_status": StockStatus.RELEASED if state in released else StockStatus.ALLOCATED,
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


def given_up() -> Purchase:
    given_up = {"registered": False, "reservation_status": ReservationStatus.CANCELLED}
    return Purchase({"price": PRICE, "user_id": "kim", **given_up})


def audit(purchase: Purchase, **bike: int) -> Audit:
    correct = {"stock_quantity": 3, "ledger": 3, "held_quantity": 1, "holds": 1}
    return Audit({"r": purchase}, {1: correct | bike})


@pytest.mark.parametrize("make", [due, delivered, cancelled, returned, given_up])
def test_a_correct_shop_has_no_faults(make: Callable[[], Purchase]) -> None:
    assert audit(make()).faults() == []


@pytest.mark.parametrize("wrong", [{"stock_quantity": 4}, {"held_quantity": 2}])
def test_a_wrong_count_of_units_is_found(wrong: dict[str, int]) -> None:
    assert len(audit(due(), **wrong).faults()) == 1


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
        (given_up, {"payment": {"payment_status": PaymentStatus.DUE, "price": PRICE}}),
        (given_up, {"allocation": {"state": State.HELD}}),
        (given_up, {"page": {"registered": True}}),
        (given_up, {"reservation": given_up().reservation | {"reservation_status": "접수중"}}),
    ],
)
def test_a_wrong_purchase_is_found(make: Callable[[], Purchase], change: dict[str, Any]) -> None:
    assert audit(replace(make(), **change)).faults() != []
