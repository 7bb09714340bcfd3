"""The payment of one reservation, and the statuses that it may go through."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.pure.lifecycle import Lifecycle
from roadbike.payment.domain.attempts import Attempt

LIFECYCLE: Final = Lifecycle(
    {
        PaymentStatus.DUE: {
            PaymentStatus.CONFIRMING,
            PaymentStatus.PAID,  # the provider had said no, and has taken the money all the same
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


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentSummary:
    """A payment without its attempts: enough for lists and views, never for a decision.

    payment_status: None when the payment was never opened; once its cancel is known, such a row
    is a tombstone that refuses a late open.
    registered: False when the reservation was never registered; the row is then shown to nobody.
    captured_by: the attempt whose money pays for the bike; money of any other is refunded.
    attempted: whether there is at least one attempt.
    store_name: where it was reserved; None when the open did not say so.
    looks: how often it was looked at for late money of declined attempts. look_at: when to look
    next, None when there is nothing to look for.
    """

    reservation_id: UUID
    payment_id: UUID | None = None
    bike_id: int | None = None
    user_id: str | None = None
    price: int | None = None  # KRW
    store_name: str | None = None
    payment_status: PaymentStatus | None = None
    cancel_asked: bool = False
    expired: bool = False
    registered: bool = True
    reason: Reason | None = None
    captured_by: UUID | None = None
    opened_at: datetime | None = None
    attempted: bool = False
    looks: int = 0
    look_at: datetime | None = None
    row_version: int = 0

    def with_attempts(self, attempts: tuple[Attempt, ...]) -> "Payment":
        """Return the whole payment. attempts: all that were made for it, the oldest first."""
        facts = {field.name: getattr(self, field.name) for field in fields(PaymentSummary)}
        return Payment(**facts, attempts=attempts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment(PaymentSummary):
    """All facts that are known of one reservation's payment, with all its attempts."""

    attempts: tuple[Attempt, ...] = ()


def moved(payment: Payment, to: PaymentStatus) -> Payment:
    """Return the payment with that status. Raises IllegalTransition."""
    assert payment.payment_status is not None  # a payment that was never opened does not move
    LIFECYCLE.check(payment.payment_status, to)
    return replace(payment, payment_status=to)
