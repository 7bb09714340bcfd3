"""One example of every event, with every field set; and the golden files made of them.

`python -m tests.contracts.examples` writes the missing golden files. It never overwrites one: the
file is what was published once, and every later version has to understand it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args
from uuid import UUID

import msgspec

from roadbike.contracts import events
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.kit.pure.events import Event

GOLDEN: Final = Path(__file__).parent / "golden"
EVENTS: Final[tuple[type[Event], ...]] = get_args(events.AnyEvent)

BIKE: Final[dict[str, Any]] = {
    "bike_id": 1,
    "bike_name": "TREK Emonda",
    "price": 5_100_000,
    "stock_quantity": 12,
    "held_quantity": 3,
    "brand": "TREK",
    "frame_size": "54",
    "colour": "진홍",
    "description": "가벼운 알루미늄 로드바이크",
    "bike_version": 4,
    "free": 9,
    "free_seq": 17,
    "by": "staff",
    "version": 5,
}
PURCHASE: Final[dict[str, Any]] = {
    "reservation_id": UUID("01920000-0000-7000-8000-000000000001"),
    "bike_id": 1,
    "version": 2,
}
ALLOCATION: Final[dict[str, Any]] = PURCHASE | {
    "reason": Reason.RESERVATION_CANCELLED,
    "bike_version": 4,
    "free": 9,
    "free_seq": 17,
}
RESERVATION: Final[dict[str, Any]] = PURCHASE | {
    "bike_name": "TREK Emonda",
    "user_id": "buyer",
    "user_name": "김구매",
    "store_name": "분당야탑점",
    "reserved_at": datetime(2026, 11, 24, 3, 15, 0, 123456, tzinfo=UTC),
    "price": 5_100_000,
    "zip_code": "13561",
    "address": "경기도 성남시 분당구 야탑로 1",
    "phone": "010-1234-5678",
    "bike_version": 4,
}
PAYMENT: Final[dict[str, Any]] = PURCHASE | {
    "payment_id": UUID("01920000-0000-7000-8000-000000000002"),
    "user_id": "buyer",
    "price": 5_100_000,
    "reason": Reason.BUYER,
}
DELIVERY: Final[dict[str, Any]] = PURCHASE | {
    "delivery_id": UUID("01920000-0000-7000-8000-000000000003"),
    "payment_id": UUID("01920000-0000-7000-8000-000000000002"),
    "user_id": "buyer",
    "user_name": "김구매",
    "zip_code": "13561",
    "address": "경기도 성남시 분당구 야탑로 1",
    "phone": "010-1234-5678",
    "delivered_at": datetime(2026, 11, 26, 1, 0, 0, 5, tzinfo=UTC),
    "carrier": "한진택배",
    "tracking_number": "123-456-789",
    "reason": Reason.BUYER,
}

EXAMPLES: Final[Mapping[type[Event], Event]] = {
    type(event): event
    for event in (
        events.StockRegistered(**BIKE),
        events.StockChanged(**BIKE),
        events.StockRemoved(**BIKE),
        events.StockAllocated(**ALLOCATION, stock_status=StockStatus.ALLOCATED),
        events.StockShort(**ALLOCATION, stock_status=StockStatus.SHORT),
        events.StockReleased(**ALLOCATION, stock_status=StockStatus.RELEASED),
        events.ReservationRegistered(
            **RESERVATION, reservation_status=ReservationStatus.RESERVED, reserve_seq=41
        ),
        events.ReservationCancelled(
            **RESERVATION,
            reservation_status=ReservationStatus.CANCELLED,
            registered=True,
            reason=Reason.BUYER,
            by="buyer",
        ),
        events.PaymentOpened(
            **PAYMENT,
            payment_status=PaymentStatus.DUE,
            pay_until=datetime(2026, 11, 24, 3, 45, 0, 123456, tzinfo=UTC),
        ),
        events.PaymentConfirming(**PAYMENT, payment_status=PaymentStatus.CONFIRMING),
        events.PaymentDeclined(**PAYMENT, payment_status=PaymentStatus.DUE),
        events.PaymentApproved(**PAYMENT, payment_status=PaymentStatus.PAID),
        events.PaymentRefunding(**PAYMENT, payment_status=PaymentStatus.REFUNDING),
        events.PaymentCancelled(**PAYMENT, payment_status=PaymentStatus.CANCELLED),
        events.PaymentExpired(**PAYMENT, payment_status=PaymentStatus.CANCELLED),
        events.DeliveryPrepared(**DELIVERY, delivery_status=DeliveryStatus.PREPARING),
        events.DeliveryStarted(**DELIVERY, delivery_status=DeliveryStatus.STARTED, by="staff"),
        events.DeliveryCompleted(**DELIVERY, delivery_status=DeliveryStatus.COMPLETED, by="staff"),
        events.DeliveryCancelled(**DELIVERY, delivery_status=DeliveryStatus.CANCELLED),
        events.DeliveryRecalled(**DELIVERY, delivery_status=DeliveryStatus.RECALLING, by="staff"),
        events.DeliveryReturned(**DELIVERY, delivery_status=DeliveryStatus.RETURNED, by="staff"),
    )
}


def golden_file(event: type[Event]) -> Path:
    return GOLDEN / f"{event.__name__}.v{event.schema}.json"


def golden(event: type[Event]) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(golden_file(event).read_bytes())
    return content


def on_the_wire(event: Event) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event))
    return content


def write_missing() -> None:
    for event, example in EXAMPLES.items():
        if not golden_file(event).exists():
            text = msgspec.json.format(msgspec.json.encode(example), indent=2)
            golden_file(event).write_bytes(text + b"\n")


if __name__ == "__main__":
    write_missing()
