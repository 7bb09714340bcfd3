"""One attempt to get the money, and when to ask the provider about it again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

FIRST_CHECK_DELAY: Final = timedelta(seconds=5)  # the request that began the attempt goes first
MAX_RETRY_SECONDS: Final = 30
LATE_MONEY_CHECKS: Final = (  # ages at which an attempt without a capture is checked again
    timedelta(seconds=20),
    timedelta(minutes=10),
    timedelta(hours=24),
)


class Outcome(StrEnum):
    """The provider's answer to the request for the money."""

    UNKNOWN = "unknown"
    CAPTURED = "captured"
    NOT_CAPTURED = "not-captured"


class Refund(StrEnum):
    """Whether an attempt's money has to go back, or has gone back."""

    NONE = "none"
    OWED = "owed"
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt to get the money: at most one capture and one refund.

    amount: KRW. token: the buyer's consent, as the provider issued it.
    unanswered: how many times in a row the provider gave no answer.
    check_at: when to ask the provider for the outcome, or to request the refund; None when
    there is nothing to wait for.
    """

    attempt_id: UUID
    reservation_id: UUID
    amount: int
    token: str
    asked_at: datetime
    outcome: Outcome = Outcome.UNKNOWN
    refund: Refund = Refund.NONE
    unanswered: int = 0
    check_at: datetime | None = None
    row_version: int = 0


def begun(
    attempt_id: UUID, reservation_id: UUID, *, amount: int, token: str, now: datetime
) -> Attempt:
    """Return a new attempt, about which the provider has not been asked yet."""
    return Attempt(
        attempt_id=attempt_id,
        reservation_id=reservation_id,
        amount=amount,
        token=token,
        asked_at=now,
        check_at=now + FIRST_CHECK_DELAY,
    )


def answered(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt after an answer: without a capture it is checked again for late money."""
    wait: timedelta | None = None
    if attempt.outcome is Outcome.NOT_CAPTURED:
        age = now - attempt.asked_at
        wait = next((late - age for late in LATE_MONEY_CHECKS if late > age), None)
    return replace(attempt, unanswered=0, check_at=None if wait is None else now + wait)


def unanswered(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt after a call without an answer: the next one follows with back-off."""
    times = attempt.unanswered + 1
    wait = timedelta(seconds=min(2**times, MAX_RETRY_SECONDS))
    return replace(attempt, unanswered=times, check_at=now + wait)


def with_outcome(attempt: Attempt, outcome: Outcome) -> Attempt:
    """Return the attempt with its outcome. What was captured stays captured."""
    return attempt if attempt.outcome is Outcome.CAPTURED else replace(attempt, outcome=outcome)
