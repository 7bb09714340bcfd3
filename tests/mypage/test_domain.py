"""A purchase is projected from its events, in whatever order they come."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.mypage import domain
from roadbike.mypage.domain import Purchase
from tests.purchase_events import LATER, NOON, PAY_WITHIN, Story

STORY = Story()
RETURNED: list[AnyPurchaseEvent] = [
    STORY.registered(),
    STORY.opened(),
    STORY.confirming(2),
    STORY.declined(3),
    STORY.confirming(4),
    STORY.approved(5),
    STORY.allocated(),
    STORY.prepared(),
    STORY.started(),
    STORY.completed(),
    STORY.recalled(),
    STORY.returned(),
    STORY.cancelled(),
    STORY.refunding(6),
    STORY.payment_cancelled(7),
    STORY.released(),
]
CANCELLED_UNPAID: list[AnyPurchaseEvent] = [
    STORY.registered(),
    STORY.opened(),
    STORY.cancelled(),
    STORY.payment_cancelled(2),
    STORY.never_prepared(),
    STORY.allocated(),
    STORY.released(),
]
SHORT: list[AnyPurchaseEvent] = [
    STORY.registered(),
    STORY.opened(),
    STORY.short(),
    STORY.cancelled(),
    STORY.expired(),
]
STATUS_OF = {
    "reservation": "reservation_status",
    "allocation": "stock_status",
    "payment": "payment_status",
    "delivery": "delivery_status",
}


def shuffled(events: Sequence[AnyPurchaseEvent]) -> st.SearchStrategy[list[AnyPurchaseEvent]]:
    return st.permutations([*events, *events])  # each of them twice


@pytest.mark.parametrize("events", [RETURNED, CANCELLED_UNPAID, SHORT])
@given(data=st.data())
def test_every_order_and_every_repeat_makes_the_same_purchase(
    events: list[AnyPurchaseEvent], data: st.DataObject
) -> None:
    assert domain.project(data.draw(shuffled(events))) == domain.project(events)


@given(shuffled(RETURNED))
def test_a_status_is_always_that_of_the_greatest_version_applied(
    events: list[AnyPurchaseEvent],
) -> None:
    purchase = Purchase(reservation_id=STORY.reservation_id, bike_id=1)
    greatest: dict[str, AnyPurchaseEvent] = {}
    for event in events:
        purchase = domain.apply(purchase, event)
        latest = max(event, greatest.get(event.kind, event), key=lambda one: one.version)
        greatest[event.kind] = latest
        status = STATUS_OF[event.kind]
        assert getattr(purchase, status) is getattr(latest, status)


def test_a_complete_purchase_has_every_field() -> None:
    purchase = domain.project(RETURNED)

    assert purchase == Purchase(
        reservation_id=STORY.reservation_id,
        bike_id=1,
        registered=True,
        bike_name="TREK Emonda",
        user_id="alice",
        user_name="김하나",
        store_name="분당야탑점",
        reserved_at=NOON,
        reservation_status=ReservationStatus.CANCELLED,
        price=5_100_000,
        phone="010-1234-5678",
        zip_code="13497",
        address="성남시 분당구 야탑로 1",
        payment_id=STORY.payment_id,
        payment_status=PaymentStatus.CANCELLED,
        pay_until=NOON + PAY_WITHIN,
        delivery_id=STORY.delivery_id,
        delivery_status=DeliveryStatus.RETURNED,
        delivered_at=LATER,
        stock_status=StockStatus.RELEASED,
        reservation_version=2,
        allocation_version=2,
        payment_version=7,
        delivery_version=5,
    )


def test_fields_not_known_yet_are_empty_and_stock_is_waiting() -> None:
    purchase = domain.project([STORY.registered()])

    empty = {f.name for f in fields(purchase) if getattr(purchase, f.name) is None}
    assert empty == {
        *("payment_id", "payment_status", "pay_until", "carrier", "tracking_number"),
        *("delivery_id", "delivery_status", "delivered_at"),
    }
    assert purchase.stock_status is StockStatus.WAITING


def test_a_late_event_fills_the_fields_that_never_change() -> None:
    purchase = domain.project([STORY.never_prepared(), STORY.cancelled(), STORY.registered()])

    assert purchase.bike_name == "TREK Emonda"
    assert purchase.reservation_status is ReservationStatus.CANCELLED
    assert purchase.delivery_id is None
    assert purchase.delivery_status is None


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([STORY.opened(), STORY.allocated()], False),
        ([STORY.cancelled(registered=False), STORY.payment_cancelled(2)], False),
        ([STORY.opened(), STORY.registered()], True),
    ],
)
def test_it_is_shown_once_it_is_registered(events: Any, *, shown: bool) -> None:
    assert domain.project(events).registered is shown


@pytest.mark.parametrize(
    ("so_far", "pay", "cancel"),
    [
        ([], False, True),
        ([STORY.opened()], True, True),
        ([STORY.opened(), STORY.confirming()], False, True),
        ([STORY.approved(), STORY.prepared()], False, True),
        ([STORY.approved(), STORY.prepared(), STORY.started()], False, False),
        ([STORY.approved(), STORY.completed()], False, False),
        ([STORY.opened(), STORY.cancelled()], False, False),
    ],
)
def test_what_may_be_done_next(so_far: Any, *, pay: bool, cancel: bool) -> None:
    purchase = domain.project([STORY.registered(), *so_far])

    assert domain.may_be_paid(purchase) is pay
    assert domain.may_be_cancelled(purchase) is cancel


@given(shuffled(RETURNED))
def test_what_was_bought_is_what_the_reservation_says(events: list[AnyPurchaseEvent]) -> None:
    others = replace(STORY, price=1, user_id="mallory", bike_id=2)
    purchase = domain.project([others.opened(), others.prepared(), others.allocated(), *events])

    assert (purchase.bike_id, purchase.user_id, purchase.price) == (1, "alice", 5_100_000)


@pytest.mark.parametrize("last", [STORY.registered(), STORY.cancelled()])
def test_what_others_say_of_it_first_is_replaced(last: AnyPurchaseEvent) -> None:
    others = replace(STORY, price=1, user_id="mallory", bike_id=2)

    purchase = domain.project([others.opened(), others.prepared(), last])

    assert (purchase.bike_id, purchase.user_id, purchase.price) == (1, "alice", 5_100_000)


def test_the_address_is_that_of_the_parcel_as_soon_as_there_is_one() -> None:
    corrected = structs.replace(STORY.prepared(), address="성남시 분당구 야탑로 2")
    events: list[AnyPurchaseEvent] = [STORY.registered(), corrected]

    assert domain.project(events[:1]).address == STORY.registered().address
    assert domain.project(events).address == corrected.address
    assert domain.project(events[::-1]) == domain.project(events)


def test_a_delivery_that_was_never_prepared_has_no_address_to_show() -> None:
    purchase = domain.project([STORY.registered(), STORY.never_prepared()])

    assert purchase.address == STORY.registered().address
    assert domain.project([STORY.never_prepared(), STORY.registered()]) == purchase
