"""One try to get the money, and when to ask the provider what became of it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

ASKING: Final = timedelta(seconds=5)  # so long nobody else asks what became of an attempt
LONGEST_WAIT_SECONDS: Final = 30
LATE_MONEY: Final = (timedelta(seconds=20), timedelta(minutes=10), timedelta(hours=24))


class Outcome(StrEnum):
    """What became of asking the provider for the money."""

    UNKNOWN = "unknown"
    CAPTURED = "captured"
    NOT_CAPTURED = "not-captured"


class Refund(StrEnum):
    """Whether an attempt's money goes back."""

    NONE = "none"
    OWED = "owed"
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try to get the money: at most one capture and one refund.

    token: the buyer's consent, as the provider gave it. check_at: when to ask the provider (again)
    what became of it, or to give the money back; None when there is nothing to wait for. checks:
    how often it has not answered in a row.
    """

    attempt_id: UUID
    reservation_id: UUID
    token: str
    asked_at: datetime
    outcome: Outcome = Outcome.UNKNOWN
    refund: Refund = Refund.NONE
    checks: int = 0
    check_at: datetime | None = None
    row_version: int = 0


def begun(attempt_id: UUID, reservation_id: UUID, token: str, now: datetime) -> Attempt:
    """One whose provider has not been asked yet."""
    return Attempt(
        attempt_id=attempt_id,
        reservation_id=reservation_id,
        token=token,
        asked_at=now,
        check_at=now + ASKING,
    )


def checked(attempt: Attempt, now: datetime) -> Attempt:
    """After the provider has answered: a failed one is looked at some times more."""
    wait: timedelta | None = None
    if attempt.outcome is Outcome.NOT_CAPTURED:
        age = now - attempt.asked_at
        wait = next((late - age for late in LATE_MONEY if late > age), None)
    return replace(attempt, checks=0, check_at=None if wait is None else now + wait)


def unanswered(attempt: Attempt, now: datetime) -> Attempt:
    """After the provider gave no answer: soon again, whatever was to be asked."""
    checks = attempt.checks + 1
    wait = timedelta(seconds=min(2**checks, LONGEST_WAIT_SECONDS))
    return replace(attempt, checks=checks, check_at=now + wait)


def known(attempt: Attempt, outcome: Outcome) -> Attempt:
    """Knowing what became of it; what was captured stays captured."""
    return attempt if attempt.outcome is Outcome.CAPTURED else replace(attempt, outcome=outcome)
