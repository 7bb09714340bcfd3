"""What a payment is and how it may change. Pure: no clock, no database, no network."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
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
from roadbike.kit.pure.lifecycle import Lifecycle
from roadbike.kit.pure.refusals import Refusal
from roadbike.payment.domain import attempts
from roadbike.payment.domain.attempts import Attempt, Outcome, Refund

LIFECYCLE: Final = Lifecycle(
    {
        PaymentStatus.DUE: {
            PaymentStatus.CONFIRMING,
            PaymentStatus.PAID,  # money that was thought declined
            PaymentStatus.CANCELLED,
        },
        PaymentStatus.CONFIRMING: {PaymentStatus.DUE, PaymentStatus.PAID},
        PaymentStatus.PAID: {
            PaymentStatus.REFUNDING,
            PaymentStatus.CANCELLED,  # refunded at the provider, not by us
        },
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


class NotPayable(Refusal):
    """The payment is cancelled, or on its way there."""

    slug = "not-payable"
    status = 409


class PaymentFailed(Refusal):
    """The provider said no: nothing was taken, and the buyer may try again."""

    slug = "payment-declined"
    status = 402


class CancelsWithReservation(Refusal):
    """A payment is cancelled by cancelling its reservation; the answer links to it."""

    slug = "cancels-with-reservation"
    status = 409


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """The facts known of one reservation's payment.

    Without a status it was never opened: nothing but a tombstone once a cancel is known.
    captured_by: the attempt whose money this payment is; that of any other goes back.
    """

    reservation_id: UUID
    payment_id: UUID | None = None
    bike_id: int | None = None
    user_id: str | None = None
    price: int | None = None  # KRW
    payment_status: PaymentStatus | None = None
    cancel_asked: bool = False
    expired: bool = False
    registered: bool = True  # False: its reservation never was one, so nobody is shown this row
    reason: Reason | None = None
    captured_by: UUID | None = None
    opened_at: datetime | None = None
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    row_version: int = 0


Decision = tuple[Payment, list[AnyPaymentEvent]]


def open_payment(
    payment: Payment, wanted: OpenPayment, payment_id: UUID, now: datetime
) -> Decision:
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
        opened_at=now,
    )
    return opened, [PaymentOpened.of(opened)]


def attempt(payment: Payment, attempt_id: UUID, token: str, now: datetime) -> Decision:
    """Begin to get the money; nothing was asked of the provider yet. Raises NotPayable."""
    if payment.payment_status is not PaymentStatus.DUE or payment.cancel_asked:
        raise NotPayable
    begun = attempts.begun(attempt_id, payment.reservation_id, token, now)
    confirming = replace(
        _moved(payment, PaymentStatus.CONFIRMING),
        attempts=(*payment.attempts, begun),
        tries=payment.tries + 1,
    )
    return confirming, [PaymentConfirming.of(confirming)]


def checked(payment: Payment, attempt_id: UUID, now: datetime) -> Payment:
    """The payment after the provider's answer: a failed attempt is looked at some times more."""
    return _with(payment, attempt_id, lambda known: attempts.checked(known, now))


def unanswered(payment: Payment, attempt_id: UUID, now: datetime) -> Payment:
    """The payment after the provider gave no answer: it is asked again soon."""
    return _with(payment, attempt_id, lambda known: attempts.unanswered(known, now))


def with_outcome(payment: Payment, attempt_id: UUID, outcome: Outcome) -> Payment:
    """The payment knowing what became of an attempt. What was captured stays captured."""
    return _with(payment, attempt_id, lambda known: attempts.known(known, outcome))


def with_refund(payment: Payment, attempt_id: UUID) -> Payment:
    """The payment knowing that an attempt's money went back."""
    return _with(payment, attempt_id, lambda known: replace(known, refund=Refund.DONE))


def decide(payment: Payment) -> Decision:
    """What follows from the facts known so far, in whatever order they came."""
    events: list[AnyPaymentEvent] = []
    for step in (_claim_money, _give_up_asking, _undo, _close):
        payment = step(payment, events)
    return payment, events


def owed(payment: Payment) -> list[Attempt]:
    """The attempts whose money has to go back."""
    return [one for one in payment.attempts if one.refund is Refund.OWED]


def _claim_money(payment: Payment, events: list[AnyPaymentEvent]) -> Payment:
    """The first captured money is the payment's; any other goes back and tells nothing."""
    for one in payment.attempts:
        if one.outcome is not Outcome.CAPTURED or one.refund is not Refund.NONE:
            continue
        if payment.payment_status in {PaymentStatus.DUE, PaymentStatus.CONFIRMING}:
            payment = replace(_moved(payment, PaymentStatus.PAID), captured_by=one.attempt_id)
            events.append(PaymentApproved.of(payment))
        elif one.attempt_id != payment.captured_by:
            payment = _owing(payment, one.attempt_id)
    return payment


def _give_up_asking(payment: Payment, events: list[AnyPaymentEvent]) -> Payment:
    """Nothing was captured, and nothing is unknown any more: the buyer may try again."""
    if payment.payment_status is not PaymentStatus.CONFIRMING:
        return payment
    if any(one.outcome is Outcome.UNKNOWN for one in payment.attempts):
        return payment
    due = _moved(payment, PaymentStatus.DUE)
    events.append(PaymentDeclined.of(due))
    return due


def _undo(payment: Payment, events: list[AnyPaymentEvent]) -> Payment:
    """A cancelled or expired payment is voided; a paid one that is cancelled is refunded."""
    match payment.payment_status:
        case PaymentStatus.DUE if payment.cancel_asked or payment.expired:
            voided = _moved(payment, PaymentStatus.CANCELLED)
            told = PaymentCancelled if payment.cancel_asked else PaymentExpired
            events.append(told.of(voided))
            return voided
        case PaymentStatus.PAID if payment.cancel_asked and not _is_back(payment):
            refunding = _owing(_moved(payment, PaymentStatus.REFUNDING), payment.captured_by)
            events.append(PaymentRefunding.of(refunding))
            return refunding
        case _:
            return payment  # a tombstone, already so, or the answer of the provider will tell


def _close(payment: Payment, events: list[AnyPaymentEvent]) -> Payment:
    """The money is back."""
    if payment.payment_status not in {PaymentStatus.PAID, PaymentStatus.REFUNDING}:
        return payment
    if not _is_back(payment):
        return payment
    refunded = _moved(payment, PaymentStatus.CANCELLED)
    refunded = replace(refunded, reason=refunded.reason or Reason.PAYMENT_CANCELLED)
    events.append(PaymentCancelled.of(refunded))
    return refunded


def _is_back(payment: Payment) -> bool:
    return any(
        one.attempt_id == payment.captured_by and one.refund is Refund.DONE
        for one in payment.attempts
    )


def _owing(payment: Payment, attempt_id: UUID | None) -> Payment:
    return _with(payment, attempt_id, lambda known: replace(known, refund=Refund.OWED))


def _with(
    payment: Payment, attempt_id: UUID | None, change: Callable[[Attempt], Attempt]
) -> Payment:
    attempts = (change(one) if one.attempt_id == attempt_id else one for one in payment.attempts)
    return replace(payment, attempts=tuple(attempts))


def _moved(payment: Payment, to: PaymentStatus) -> Payment:
    assert payment.payment_status is not None  # an unopened payment does not move
    LIFECYCLE.check(payment.payment_status, to)
    return replace(payment, payment_status=to)


def _terms(wanted: OpenPayment) -> tuple[int, str, int]:
    return wanted.bike_id, wanted.user_id, wanted.price
