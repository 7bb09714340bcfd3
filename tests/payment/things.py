"""Payments, what opens them and what cancels them."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from roadbike.contracts.payments import OpenPayment
from roadbike.kit.db.ids import new_id
from roadbike.payment.domain import Payment

NOON: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)  # in Seoul
TERMS: Final = OpenPayment(bike_id=1, user_id="alice", price=5_100_000)
OTHER_TERMS: Final = [
    OpenPayment(bike_id=2, user_id="alice", price=5_100_000),
    OpenPayment(bike_id=1, user_id="mallory", price=5_100_000),
    OpenPayment(bike_id=1, user_id="alice", price=1),
]


def unseen(reservation_id: UUID | None = None) -> Payment:
    return Payment(reservation_id=reservation_id or new_id())
