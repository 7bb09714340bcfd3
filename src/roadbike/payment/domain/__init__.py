"""What a payment is and how it may change. Pure: no clock, no database, no network.

`facts` adds what was learnt to a payment, `decisions` draws the conclusions and returns events.
"""

from roadbike.payment.domain.attempts import Attempt, Outcome, Refund, Try, TryLimit, check_tries
from roadbike.payment.domain.decisions import attempted, decide, opened
from roadbike.payment.domain.facts import (
    answered,
    expired,
    looked,
    noted,
    unanswered,
    with_outcome,
    with_refund,
)
from roadbike.payment.domain.payment import LIFECYCLE, Payment, PaymentSummary
from roadbike.payment.domain.refusals import (
    NotPayable,
    PaymentDiffers,
    PaymentFailed,
    ReservationGone,
    TooManyTries,
)

__all__ = [
    "LIFECYCLE",
    "Attempt",
    "NotPayable",
    "Outcome",
    "Payment",
    "PaymentDiffers",
    "PaymentFailed",
    "PaymentSummary",
    "Refund",
    "ReservationGone",
    "TooManyTries",
    "Try",
    "TryLimit",
    "answered",
    "attempted",
    "check_tries",
    "decide",
    "expired",
    "looked",
    "noted",
    "opened",
    "unanswered",
    "with_outcome",
    "with_refund",
]
