"""Every decision on a payment: each returns the changed payment and the events to publish."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from roadbike.contracts.events import (
    AnyPaymentEvent,
    PaymentApproved,
    PaymentCancelled,
    PaymentConfirming,
    PaymentDeclined,
    PaymentExpired,
    PaymentOpened,
    PaymentRefunding,
)
from roadbike.contracts.payments import OpenPayment
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.payment.domain.attempts import FIRST_CHECK_DELAY, Attempt, Outcome, Refund, owed
from roadbike.payment.domain.payment import Payment, moved
from roadbike.payment.domain.refusals import NotPayable, PaymentDiffers, ReservationGone


def opened(
    payment: Payment,
    wanted: OpenPayment,
    payment_id: UUID,
    now: datetime,
    pay_within: timedelta,
) -> tuple[Payment, list[AnyPaymentEvent]]:
    """Open the payment; one that is open with the same values stays as it is.

    Raises ReservationGone, PaymentDiffers.
    """
    if payment.cancel_asked or payment.payment_status is PaymentStatus.CANCELLED:
        raise ReservationGone
    if payment.payment_status is not None:
        if (payment.bike_id, payment.user_id, payment.price) != _terms(wanted):
            raise PaymentDiffers
        return payment, []
    due = replace(
        payment,
        payment_id=payment_id,
        bike_id=wanted.bike_id,
        user_id=wanted.user_id,
        price=wanted.price,
        store_name=wanted.store_name,
        payment_status=PaymentStatus.DUE,
        opened_at=now,
    )
    return due, [PaymentOpened.of(due, pay_until=now + pay_within)]


def attempted(
    payment: Payment, attempt_id: UUID, token: str, now: datetime
) -> tuple[Payment, list[AnyPaymentEvent]]:
    """Begin an attempt to get the money, before the provider is called. Raises NotPayable."""
    if payment.payment_status is not PaymentStatus.DUE or payment.cancel_asked:
        raise NotPayable
    assert payment.price is not None  # every payment with a status has a price and a buyer
    assert payment.user_id is not None
    begun = Attempt(
        attempt_id=attempt_id,
        reservation_id=payment.reservation_id,
        user_id=payment.user_id,
        amount=payment.price,
        token=token,
        asked_at=now,
        check_at=now + FIRST_CHECK_DELAY,
    )
    confirming = replace(
        moved(payment, PaymentStatus.CONFIRMING),
        attempts=(*payment.attempts, begun),
        attempted=True,
    )
    return confirming, [PaymentConfirming.of(confirming)]


def decide(payment: Payment) -> tuple[Payment, list[AnyPaymentEvent]]:
    """Return what follows from the facts known so far, in whatever order they came."""
    events: list[AnyPaymentEvent] = []
    while step := _next_step(payment):
        payment, event = step
        events.append(event)
    return _with_refunds_owed(payment), events


def _next_step(payment: Payment) -> tuple[Payment, AnyPaymentEvent] | None:
    """Return the payment in its next status, and the event; None when it does not change."""
    match payment.payment_status:
        case PaymentStatus.DUE | PaymentStatus.CONFIRMING if capture := _new_capture(payment):
            paid = moved(replace(payment, captured_by=capture.attempt_id), PaymentStatus.PAID)
            return paid, PaymentApproved.of(paid)
        case PaymentStatus.CONFIRMING if not _waits_for_provider(payment):
            due = moved(payment, PaymentStatus.DUE)
            return due, PaymentDeclined.of(due)
        case PaymentStatus.DUE if payment.cancel_asked or payment.expired:
            voided = moved(payment, PaymentStatus.CANCELLED)
            event = PaymentCancelled if payment.cancel_asked else PaymentExpired
            return voided, event.of(voided)
        case PaymentStatus.PAID | PaymentStatus.REFUNDING if _is_refunded(payment):
            reason = payment.reason or Reason.PAYMENT_CANCELLED
            refunded = moved(replace(payment, reason=reason), PaymentStatus.CANCELLED)
            return refunded, PaymentCancelled.of(refunded)
        case PaymentStatus.PAID if payment.cancel_asked:
            refunding = moved(payment, PaymentStatus.REFUNDING)
            return refunding, PaymentRefunding.of(refunding)
        case _:
            return None  # nothing to do, or the provider has to answer first


def _with_refunds_owed(payment: Payment) -> Payment:
    """Return the payment with a refund owed for all money that it took and does not keep."""
    checked = (
        owed(one) if _is_unrefunded_capture(one) and not _keeps(payment, one) else one
        for one in payment.attempts
    )
    return replace(payment, attempts=tuple(checked))


def _keeps(payment: Payment, attempt: Attempt) -> bool:
    is_refunding = payment.payment_status is PaymentStatus.REFUNDING
    return attempt.attempt_id == payment.captured_by and not is_refunding


def _new_capture(payment: Payment) -> Attempt | None:
    return next((one for one in payment.attempts if _is_unrefunded_capture(one)), None)


def _is_unrefunded_capture(attempt: Attempt) -> bool:
    return attempt.outcome is Outcome.CAPTURED and attempt.refund is Refund.NONE


def _waits_for_provider(payment: Payment) -> bool:
    return any(one.outcome is Outcome.UNKNOWN for one in payment.attempts)


def _is_refunded(payment: Payment) -> bool:
    return any(
        one.attempt_id == payment.captured_by and one.refund is Refund.DONE
        for one in payment.attempts
    )


def _terms(wanted: OpenPayment) -> tuple[int, str, int]:
    return wanted.bike_id, wanted.user_id, wanted.price
