"""What reservation asks of payment, synchronously: PUT /internal/payments/{reserveId}."""

from uuid import UUID

import msgspec

from roadbike.contracts.statuses import PaymentStatus
from roadbike.contracts.wire_names import wire_name


class OpenPayment(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The request. `price` in KRW. Asked again with other values it is refused with 409."""

    bike_id: int
    user_id: str
    price: int


class OpenedPayment(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The answer, 200 or 201: the payment of this reservation."""

    payment_id: UUID
    reservation_id: UUID
    payment_status: PaymentStatus
