"""The bodies of the calls by which reservation opens payments, synchronously.

PUT /internal/payments/{reserveId} opens one, PUT /internal/payments those of a list.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from roadbike.contracts.statuses import PaymentStatus
from roadbike.contracts.wire_names import wire_name


class OpenPayment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename=wire_name):
    """The request. price: KRW. store_name: where it is reserved, for staff's lists; may be absent.

    A repeated request with the same bike, user and price gets the same answer, one with others 409.
    """

    bike_id: int
    user_id: str
    price: int
    store_name: str | None = None


class OpenedPayment(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The answer (200): the payment of this reservation."""

    payment_id: UUID
    reservation_id: UUID
    payment_status: PaymentStatus


class PaymentToOpen(OpenPayment, frozen=True, kw_only=True, rename=wire_name):
    """One payment of a list. traceparent: of the buyer's request, for the event it leads to."""

    reservation_id: UUID
    traceparent: str | None = None


class OpenPayments(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The request for several payments; each is opened, or refused, by itself."""

    payments: Sequence[PaymentToOpen]


class OpenAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The answer about one payment of a list.

    status: the HTTP status that the payment alone would have got; 200: it is open.
    """

    reservation_id: UUID
    status: int


class OpenAnswers(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The answer (200) to a list: one for each payment, in the order of the request."""

    payments: Sequence[OpenAnswer]
