"""What became of a call to payment that opened no payment, as far as is known.

PaymentError
├── NotSent         too little time was left          nothing was opened
├── Unreachable     no connection                     nothing was opened
├── PaymentRefused  payment answered 4xx              nothing was opened
│   └── NotUnderstood  it answered 422                nothing was opened
└── Unknown         no answer in time, or a bad one   a payment may be open
    └── CutOff      the connection ended, no answer   a payment may be open
"""

from enum import Enum, auto
from typing import ClassVar


class Verdict(Enum):
    """What a failed call says about payment's health, for the circuit breaker."""

    ANSWERED = auto()  # payment works
    FAILED = auto()
    NO_VERDICT = auto()  # the call says nothing about payment


class PaymentError(Exception):
    """No payment was opened, as far as is known.

    nothing_was_opened: True when that is certain, so that the reservation can be given up at once.
    """

    verdict: ClassVar[Verdict]
    nothing_was_opened: ClassVar[bool]


class NotSent(PaymentError):
    """Too little time was left to send the call."""

    verdict = Verdict.NO_VERDICT
    nothing_was_opened = True


class Unreachable(PaymentError):
    """No TCP or TLS connection: nothing was opened; counts as a failure for the breaker."""

    verdict = Verdict.FAILED
    nothing_was_opened = True


class PaymentRefused(PaymentError):
    """Payment answered that it does not open this payment."""

    verdict = Verdict.ANSWERED
    nothing_was_opened = True


class NotUnderstood(PaymentRefused):
    """Payment answered 422: it does not know a member of the request, or a value is wrong."""


class Unknown(PaymentError):
    """Payment did not answer in time, or its answer was broken: the payment may be open."""

    verdict = Verdict.FAILED
    nothing_was_opened = False


class CutOff(Unknown):
    """The connection ended before an answer: the call is made once more, at another replica.

    We may have ended it ourselves, at a replica in doubt.
    Opening a payment is idempotent, so it does not matter whether the first call was received.
    """
