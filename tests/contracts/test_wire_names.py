"""The names and values on the wire are those that the shop's clients know."""

from enum import StrEnum

import msgspec
import pytest

from roadbike.contracts import events, statuses
from roadbike.contracts.payments import OpenedPayment, OpenPayment
from roadbike.contracts.shop import DEFAULT_STORE
from roadbike.contracts.wire_names import WIRE_NAMES, wire_name
from roadbike.kit.pure.events import Event
from tests.contracts.examples import EVENTS, EXAMPLES

STATUSES = {
    statuses.ReservationStatus: {
        "PENDING": "접수중",
        "RESERVED": "예약완료",
        "CANCELLED": "예약취소",
    },
    statuses.PaymentStatus: {
        "DUE": "결제예정",
        "CONFIRMING": "결제확인중",
        "PAID": "결제완료",
        "REFUNDING": "환불중",
        "CANCELLED": "결제취소",
    },
    statuses.DeliveryStatus: {
        "PREPARING": "배송준비",
        "STARTED": "배송시작",
        "COMPLETED": "배송완료",
        "CANCELLED": "배송취소",
        "RECALLING": "회수중",
        "RETURNED": "회수완료",
    },
    statuses.StockStatus: {
        "WAITING": "배정대기",
        "ALLOCATED": "배정완료",
        "SHORT": "품절",
        "RELEASED": "배정해제",
    },
}

BIKE = "bikeId bikeNm price stockQty reserveQty brand frameSize colour description"
ALLOCATION = "reserveId bikeId stockStatus reason bikeVersion free freeSeq"
RESERVATION = (
    "reserveId bikeId bikeNm userId userNm reserveStore reserveDt reserveStatus price zipCd addrNm "
    "telNo"
)
PAYMENT = "payId reserveId bikeId userId price payStatus reason"
DELIVERY = (
    "deliveryId reserveId payId bikeId userId userNm telNo zipCd addrNm deliveryStatus deliveryDt "
    "carrier trackingNo reason"
)
WIRE = {
    events.BikeEvent: f"{BIKE} bikeVersion free freeSeq by",
    events.AllocationEvent: ALLOCATION,
    events.ReservationRegistered: f"{RESERVATION} bikeVersion reserveSeq",
    events.ReservationCancelled: f"{RESERVATION} bikeVersion registered reason by",
    events.PaymentEvent: PAYMENT,
    events.DeliveryEvent: DELIVERY,
    events.DeliveryStarted: f"{DELIVERY} by",
}
TOPIC_KINDS = {
    "bike.stock": {"bike", "allocation"},
    "bike.reservation": {"reservation"},
    "bike.payment": {"payment"},
    "bike.delivery": {"delivery"},
}


@pytest.mark.parametrize("status", STATUSES)
def test_statuses_have_the_values_that_clients_know(status: type[StrEnum]) -> None:
    assert {one.name: one.value for one in status} == STATUSES[status]


def test_reservations_are_made_at_the_default_store() -> None:
    assert DEFAULT_STORE == "분당야탑점"


@pytest.mark.parametrize("event", WIRE)
def test_events_carry_their_aggregates_wire_names(event: type[Event]) -> None:
    names = {field.encode_name for field in msgspec.structs.fields(event)}

    assert names == {*WIRE[event].split(), "version"}


def test_the_internal_open_uses_the_same_names() -> None:
    asked = {field.encode_name for field in msgspec.structs.fields(OpenPayment)}
    answered = {field.encode_name for field in msgspec.structs.fields(OpenedPayment)}

    assert asked == {"bikeId", "userId", "price", "reserveStore"}
    assert answered == {"payId", "reserveId", "payStatus"}


def test_a_field_without_a_wire_name_of_its_own_is_in_camel_case() -> None:
    assert [wire_name(name) for name in ("price", "bike_id", "free_seq")] == [
        "price",
        "bikeId",
        "freeSeq",
    ]


def test_no_two_fields_have_the_same_wire_name() -> None:
    fields = {f.name for event in EVENTS for f in msgspec.structs.fields(event)}
    names = fields | set(WIRE_NAMES)

    assert len({wire_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("event", EVENTS)
def test_a_type_has_namespace_name_and_version(event: type[Event]) -> None:
    assert event.type_name() == f"bike.{event.__name__}.v1"


@pytest.mark.parametrize("event", EVENTS)
def test_a_kind_is_published_in_the_topic_of_its_service(event: type[Event]) -> None:
    assert event.kind in TOPIC_KINDS[event.topic]


@pytest.mark.parametrize("event", EVENTS)
def test_a_purchase_is_keyed_by_its_reservation_and_a_bike_by_its_number(
    event: type[Event],
) -> None:
    example = EXAMPLES[event]

    key = "1" if event.kind == "bike" else "01920000-0000-7000-8000-000000000001"
    assert example.key == key
