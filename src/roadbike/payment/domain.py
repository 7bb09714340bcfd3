"""What a payment is and how it may change. Pure: no clock, no database, no network."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from roadbike.contracts.events import (
    AnyPaymentEvent,
    PaymentCancelled,
    PaymentOpened,
)
from roadbike.contracts.payments import OpenPayment
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.lifecycle import Lifecycle
from roadbike.kit.refusals import Refusal

LIFECYCLE: Final = Lifecycle(
    {
        PaymentStatus.DUE: {
            PaymentStatus.CONFIRMING,
            PaymentStatus.PAID,
            PaymentStatus.CANCELLED,
        },
        PaymentStatus.CONFIRMING: {
            PaymentStatus.DUE,
            PaymentStatus.PAID,
            PaymentStatus.CANCELLED,
        },
        PaymentStatus.PAID: {PaymentStatus.REFUNDING, PaymentStatus.CANCELLED},
        PaymentStatus.REFUNDING: {PaymentStatus.CANCELLED},
    }
)


class ReservationGone(Refusal):
    """The reservation was cancelled before its payment could be opened, or after."""

    slug = "reservation-gone"
    status = 409


class PaymentDiffers(Refusal):
    """The reservation's payment is open already, over another price, user or bike."""

    slug = "payment-differs"
    status = 409


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """The facts known of one reservation's payment.

    Without a status it was never opened: nothing but a tombstone once a cancel is known.
    """

    reservation_id: UUID
    payment_id: UUID | None = None
    bike_id: int | None = None
    user_id: str | None = None
    price: int | None = None  # KRW
    payment_status: PaymentStatus | None = None
    cancel_asked: bool = False
    registered: bool = True  # False: its reservation never was one, so nobody is shown this row
    reason: Reason | None = None
    row_version: int = 0


def open_payment(
    payment: Payment, wanted: OpenPayment, payment_id: UUID
) -> tuple[Payment, list[AnyPaymentEvent]]:
    """Open it, or find it open. Raises ReservationGone, PaymentDiffers."""
    if payment.cancel_asked or payment.payment_status is PaymentStatus.CANCELLED:
        raise ReservationGone
    if payment.payment_status is not None:
        if (payment.bike_id, payment.user_id, payment.price) != _terms(wanted):
            raise PaymentDiffers
        return payment, []
    opened = replace(
        payment,
        payment_id=payment_id,
        bike_id=wanted.bike_id,
        user_id=wanted.user_id,
        price=wanted.price,
        payment_status=PaymentStatus.DUE,
    )
    return opened, [PaymentOpened.of(opened)]


def decide(payment: Payment) -> tuple[Payment, list[AnyPaymentEvent]]:
    """What follows from the facts known so far, in whatever order they came."""
    if payment.cancel_asked and payment.payment_status is PaymentStatus.DUE:
        return _voided(payment)
    return payment, []  # nothing to undo: a tombstone, or already so


def _voided(payment: Payment) -> tuple[Payment, list[AnyPaymentEvent]]:
    voided = _moved(payment, PaymentStatus.CANCELLED)
    return voided, [PaymentCancelled.of(voided)]


def _moved(payment: Payment, to: PaymentStatus) -> Payment:
    assert payment.payment_status is not None  # an unopened payment does not move
    LIFECYCLE.check(payment.payment_status, to)
    return replace(payment, payment_status=to)


def _terms(wanted: OpenPayment) -> tuple[int, str, int]:
    return wanted.bike_id, wanted.user_id, wanted.price
