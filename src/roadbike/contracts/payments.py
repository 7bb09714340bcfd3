"""The bodies of PUT /internal/payments/{reserveId}, which reservation calls synchronously."""

from uuid import UUID

import msgspec

from roadbike.contracts.statuses import PaymentStatus
from roadbike.contracts.wire_names import wire_name


class OpenPayment(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The request. price: KRW.

    A repeated request with the same values gets the same answer, one with other values 409.
    """

    bike_id: int
    user_id: str
    price: int


class OpenedPayment(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The answer (200): the payment of this reservation."""

    payment_id: UUID
    reservation_id: UUID
    payment_status: PaymentStatus
