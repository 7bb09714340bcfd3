"""A payment with one more fact, in whatever order the facts arrive. `decide` follows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from roadbike.contracts.events import ReservationCancelled
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.payment.domain import attempts
from roadbike.payment.domain.attempts import Attempt, Outcome
from roadbike.payment.domain.payment import Payment


def noted(payment: Payment, cause: ReservationCancelled) -> Payment:
    """Return the payment with the fact of an event; unchanged when the fact is known already."""
    if payment.cancel_asked:
        return payment
    return replace(payment, cancel_asked=True, registered=cause.registered, reason=cause.reason)


def expired(payment: Payment) -> Payment:
    """Return the payment as not paid in time; unchanged unless it is due."""
    if payment.payment_status is not PaymentStatus.DUE:
        return payment
    return replace(payment, expired=True, reason=Reason.UNPAID)


def with_outcome(payment: Payment, attempt_id: UUID, outcome: Outcome) -> Payment:
    """Return the payment with the outcome of an attempt. What was captured stays captured."""
    return _changed(payment, attempt_id, lambda one: attempts.with_outcome(one, outcome))


def with_refund(payment: Payment, attempt_id: UUID) -> Payment:
    """Return the payment with the fact that an attempt's money was refunded."""
    return _changed(payment, attempt_id, attempts.refunded)


def answered(payment: Payment, attempt_id: UUID, now: datetime) -> Payment:
    """Return the payment after the provider has answered a question about an attempt.

    Without a capture, the payment will be looked at again for late money.
    """
    payment = _changed(payment, attempt_id, lambda one: attempts.answered(one, now))
    declined = [one for one in payment.attempts if one.outcome is Outcome.NOT_CAPTURED]
    if attempt_id not in {one.attempt_id for one in declined}:
        return payment
    return replace(payment, look_at=attempts.next_look(declined, payment.looks, now))


def looked(payment: Payment, planned: datetime, now: datetime, *, complete: bool) -> Payment:
    """Return the payment after a look for late money; unchanged when it was planned again since.

    planned: its `look_at` when the look began.
    complete: the provider has answered about all attempts; otherwise the look is made again.
    """
    if payment.look_at != planned:
        return payment
    if not complete:
        return replace(payment, look_at=now + attempts.LOOK_AGAIN_AFTER)
    declined = [one for one in payment.attempts if one.outcome is Outcome.NOT_CAPTURED]
    looks = payment.looks + 1
    return replace(payment, looks=looks, look_at=attempts.next_look(declined, looks, now))


def unanswered(payment: Payment, attempt_id: UUID, now: datetime) -> Payment:
    """Return the payment after the provider has left a question about an attempt unanswered."""
    return _changed(payment, attempt_id, lambda one: attempts.unanswered(one, now))


def _changed(payment: Payment, attempt_id: UUID, change: Callable[[Attempt], Attempt]) -> Payment:
    changed = (change(one) if one.attempt_id == attempt_id else one for one in payment.attempts)
    return replace(payment, attempts=tuple(changed))
