"""Payments in each status, made by the domain's own functions."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from roadbike.contracts.events import AnyPaymentEvent
from roadbike.contracts.payments import OpenPayment
from roadbike.contracts.reasons import Reason
from roadbike.kit.db.ids import new_id
from roadbike.payment import domain
from roadbike.payment.domain import Outcome, Payment
from tests.purchase_events import PAY_WITHIN

NOON: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)  # in Seoul
TERMS: Final = OpenPayment(bike_id=1, user_id="alice", price=5_100_000)
OTHER_TERMS: Final = [
    OpenPayment(bike_id=2, user_id="alice", price=5_100_000),
    OpenPayment(bike_id=1, user_id="mallory", price=5_100_000),
    OpenPayment(bike_id=1, user_id="alice", price=1),
]

Decision = tuple[Payment, list[AnyPaymentEvent]]


def unopened() -> Payment:
    """A payment of which nothing is known yet."""
    return Payment(reservation_id=new_id())


def opened(payment: Payment) -> Decision:
    return domain.opened(payment, TERMS, new_id(), NOON, PAY_WITHIN)


def attempted(payment: Payment) -> Decision:
    return domain.attempted(payment, new_id(), "approve", NOON)


def cancelled(payment: Payment) -> Decision:
    """What follows when the reservation is cancelled by the buyer."""
    return domain.decide(replace(payment, cancel_asked=True, reason=Reason.BUYER))


def captured(payment: Payment, attempt_id: UUID | None = None) -> Decision:
    """What follows when the provider has captured the money, by the last attempt if not named."""
    return _with_outcome(payment, attempt_id, Outcome.CAPTURED)


def declined(payment: Payment, attempt_id: UUID | None = None) -> Decision:
    """What follows when the provider has declined, the last attempt if not named."""
    return _with_outcome(payment, attempt_id, Outcome.NOT_CAPTURED)


def refunded(payment: Payment, attempt_id: UUID | None = None) -> Decision:
    """What follows when an attempt's money is back, that of the last one if not named."""
    chosen = attempt_id or payment.attempts[-1].attempt_id
    return domain.decide(domain.with_refund(payment, chosen))


def a_due_payment() -> Payment:
    return opened(unopened())[0]


def a_confirming_payment() -> Payment:
    return attempted(a_due_payment())[0]


def a_paid_payment() -> Payment:
    return captured(a_confirming_payment())[0]


def _with_outcome(payment: Payment, attempt_id: UUID | None, outcome: Outcome) -> Decision:
    chosen = attempt_id or payment.attempts[-1].attempt_id
    return domain.decide(domain.with_outcome(payment, chosen, outcome))
