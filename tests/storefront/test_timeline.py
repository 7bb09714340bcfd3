"""What a purchase's page says at each moment, for every story that a purchase can have."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.storefront import timeline, wording
from roadbike.storefront.timeline import Purchase, Step
from roadbike.storefront.words import Words

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)
KO, EN = Words("ko", NOW), Words("en", NOW)
STATUSES = [*ReservationStatus, *PaymentStatus, *DeliveryStatus, *StockStatus]


def purchase(**more: Any) -> Purchase:
    usual: dict[str, Any] = {
        "reservation_id": "0199b6d2-4c1e-7a30-9f27-3d6c81e05b7a",
        "bike_id": 1,
        "bike_name": "TREK Emonda",
        "store_name": "분당야탑점",
        "reserved_at": NOW,
        "reservation_status": ReservationStatus.RESERVED,
        "price": 5_100_000,
        "payment_status": PaymentStatus.DUE,
    }
    return Purchase(**(usual | more))


def steps(*events: str, **more: Any) -> list[Step]:
    return [
        Step(event=event, at=NOW + timedelta(seconds=number), **more)
        for number, event in enumerate(events)
    ]


def test_every_event_of_a_purchase_has_words_or_is_not_shown() -> None:
    names = {event.__name__ for event in get_args(AnyPurchaseEvent)}

    assert names == wording.SAID.keys() | wording.NOT_SHOWN


@pytest.mark.parametrize("status", [each for each in STATUSES if each != ReservationStatus.PENDING])
def test_every_status_has_an_english_name(status: str) -> None:
    assert wording.ENGLISH[status]


@pytest.mark.parametrize(
    ("facts", "events", "heading"),
    [
        ({}, (), "Please pay"),
        ({"payment_status": PaymentStatus.CONFIRMING}, (), "We are checking the payment"),
        ({"payment_status": PaymentStatus.PAID}, (), "Paid; we are holding your bike"),
        (
            {"payment_status": PaymentStatus.PAID, "stock_status": StockStatus.ALLOCATED},
            (),
            "We are preparing your bike",
        ),
        (
            {
                "payment_status": PaymentStatus.PAID,
                "stock_status": StockStatus.ALLOCATED,
                "delivery_status": DeliveryStatus.STARTED,
            },
            (),
            "Your bike has left the shop",
        ),
        ({"delivery_status": DeliveryStatus.COMPLETED}, (), "Your bike has arrived"),
        ({"delivery_status": DeliveryStatus.RECALLING}, (), "Your bike is on its way back"),
        (
            {
                "reservation_status": ReservationStatus.CANCELLED,
                "payment_status": PaymentStatus.CANCELLED,
            },
            (),
            "Cancelled. Nothing was charged",
        ),
        (
            {
                "reservation_status": ReservationStatus.CANCELLED,
                "payment_status": PaymentStatus.CANCELLED,
            },
            ("PaymentApproved",),
            "Cancelled and refunded",
        ),
        (
            {
                "reservation_status": ReservationStatus.CANCELLED,
                "payment_status": PaymentStatus.REFUNDING,
            },
            ("PaymentApproved",),
            "Cancelled; refund under way",
        ),
    ],
)
def test_the_heading_says_how_it_stands(
    facts: dict[str, Any], events: tuple[str, ...], heading: str
) -> None:
    assert timeline.standing(purchase(**facts), steps(*events)).heading.en == heading


def test_the_road_has_one_stop_where_the_purchase_is_now() -> None:
    events = steps("ReservationRegistered", "PaymentApproved")

    road = timeline.road(purchase(payment_status=PaymentStatus.PAID), events)

    assert [stop.state for stop in road] == ["done", "here", "next", "next", "next"]
    assert [stop.at for stop in road[:2]] == [step.at for step in events]
    assert [stop.name.en for stop in road] == ["Order", "Paid", "Packing", "Sent", "Arrival"]


def test_the_road_of_a_cancelled_purchase_ends_with_the_money() -> None:
    cancelled = purchase(
        reservation_status=ReservationStatus.CANCELLED, payment_status=PaymentStatus.CANCELLED
    )
    paid = steps(
        "ReservationRegistered", "PaymentApproved", "ReservationCancelled", "PaymentCancelled"
    )
    unpaid = steps("ReservationRegistered", "ReservationCancelled")

    assert [s.name.ko for s in timeline.road(cancelled, paid)] == ["예약", "결제", "취소", "환불"]
    assert [s.name.ko for s in timeline.road(cancelled, unpaid)] == ["예약", "취소"]


def test_a_refund_is_only_mentioned_when_money_was_taken() -> None:
    closed = steps("PaymentCancelled")
    refunded = steps("PaymentApproved", "PaymentCancelled")

    assert timeline.said(closed[0], EN, purchase(price=5), closed) == ("Payment closed", "")
    assert timeline.said(refunded[1], EN, purchase(price=5), refunded) == ("Refunded in full", "₩5")
    assert timeline.said(refunded[1], KO, purchase(), refunded) == (
        "전액 환불했습니다",
        "₩5,100,000",
    )


def test_a_cancel_names_its_reason() -> None:
    [step] = steps("ReservationCancelled", reason="sold-out")

    assert timeline.said(step, EN, purchase(), [step]) == ("Cancelled", "None was left.")


def test_the_list_shows_the_status_that_says_most() -> None:
    assert timeline.furthest_status(purchase()) == PaymentStatus.DUE
    assert (
        timeline.furthest_status(purchase(delivery_status=DeliveryStatus.STARTED))
        == DeliveryStatus.STARTED
    )
    assert (
        timeline.furthest_status(
            purchase(
                reservation_status=ReservationStatus.CANCELLED,
                payment_status=PaymentStatus.REFUNDING,
            )
        )
        == PaymentStatus.REFUNDING
    )


def test_times_are_those_of_seoul() -> None:
    late = datetime(2026, 11, 25, 16, 5, 7, tzinfo=UTC)  # the next day in Seoul

    assert KO.day(late) == "11월\u00a026일"
    assert EN.day(late) == "Nov\u00a026"
    assert KO.moment(late) == "01:05"
    assert KO.as_of(NOW - timedelta(seconds=3)) == "3초 전 기준"
    assert EN.as_of(late) == "as of 01:05:07"


@pytest.mark.parametrize(
    ("text", "ko", "en"),
    [("화살 / Arrow", "화살", "Arrow"), ("TREK Emonda", "TREK Emonda", "TREK Emonda")],
)
def test_a_name_in_two_languages_is_shown_in_one(text: str, ko: str, en: str) -> None:
    assert (KO.half(text), EN.half(text)) == (ko, en)


def test_the_brand_is_left_out_of_the_name_beside_it() -> None:
    assert KO.model("가온바람 화살 / Gaonbaram Hwasal", "가온바람 / Gaonbaram") == "화살"
    assert EN.model("가온바람 화살 / Gaonbaram Hwasal", "가온바람 / Gaonbaram") == "Hwasal"
    assert EN.model("Arrow", None) == "Arrow"


def test_the_heading_of_a_due_purchase_says_until_when_to_pay() -> None:
    due = purchase(pay_until=NOW + timedelta(minutes=30))

    assert timeline.heading(due, (), KO) == "14시\u00a030분까지 결제해 주세요"
    assert timeline.heading(due, (), EN) == "Please pay by 14:30"


def test_a_time_to_pay_on_another_day_has_the_day() -> None:
    due = purchase(pay_until=NOW + timedelta(days=1))

    assert timeline.heading(due, (), KO) == "11월\u00a027일\u00a014시\u00a00분까지 결제해 주세요"
    assert timeline.heading(due, (), EN) == "Please pay by Nov\u00a027\u00a014:00"


def test_other_headings_say_no_time() -> None:
    paid = purchase(payment_status=PaymentStatus.PAID, pay_until=NOW)

    assert timeline.heading(paid, (), EN) == "Paid; we are holding your bike"


def test_an_opened_payment_says_until_when_it_can_be_paid() -> None:
    [opened] = steps("PaymentOpened")

    assert timeline.said(opened, EN, purchase(), [opened])[1] == ""
    due = purchase(pay_until=NOW + timedelta(minutes=30))
    assert timeline.said(opened, EN, due, [opened])[1] == "It can be paid until 14:30."


def test_the_next_stop_is_named_while_there_is_one() -> None:
    sent = purchase(payment_status=PaymentStatus.PAID, delivery_status=DeliveryStatus.STARTED)
    events = steps(
        "ReservationRegistered", "PaymentApproved", "DeliveryPrepared", "DeliveryStarted"
    )
    arrived = [*events, *steps("DeliveryCompleted")]

    following = timeline.following(sent, events)

    assert following is not None
    assert following.name.en == "Arrival"
    assert timeline.following(sent, arrived) is None
