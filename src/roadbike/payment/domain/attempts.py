"""One attempt to get the money, when to ask the provider about it again, and how many there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from roadbike.payment.domain.refusals import TooManyTries

FIRST_CHECK_DELAY: Final = timedelta(seconds=5)  # the request that began the attempt goes first
MAX_RETRY_SECONDS: Final = 30
LONGEST_WAIT: Final = timedelta(seconds=MAX_RETRY_SECONDS)  # of `check_at`, from when it is set
MAX_DOUBLINGS: Final = 5  # of the wait; then MAX_RETRY_SECONDS is reached
LOOK_AGAIN_AFTER: Final = timedelta(seconds=MAX_RETRY_SECONDS)  # when the provider gave no answer
LOOK_FOR_REFUND: Final = timedelta(days=1)  # between two looks at money that we keep
LOOK_FOR_REFUND_AGAIN: Final = timedelta(hours=1)  # when the provider gave no answer
REFUNDS_EXPECTED: Final = timedelta(days=90)  # since the attempt: how long it is looked at
LOOKS: Final = (  # ages of the last declined attempt at which a payment is looked at for late money
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

    user_id: the buyer, whose declined attempts are limited. amount: KRW.
    token: the buyer's consent, as the provider issued it.
    unanswered: how many times in a row the provider gave no answer.
    check_at: when to ask the provider for the outcome, to request the refund, or to look whether
    the provider has refunded by itself; None when there is nothing to wait for, or at once for a
    refund.
    """

    attempt_id: UUID
    reservation_id: UUID
    user_id: str
    amount: int
    token: str
    asked_at: datetime
    outcome: Outcome = Outcome.UNKNOWN
    refund: Refund = Refund.NONE
    unanswered: int = 0
    check_at: datetime | None = None
    row_version: int = 0


@dataclass(frozen=True, slots=True)
class Try:
    """What the limit of tries needs to know of an attempt."""

    outcome: Outcome
    asked_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class TryLimit:
    """How many attempts of one buyer, on any payments, may be declined in a row.

    most: 0 is no limit. window: so long after the first of them the next one is allowed.
    """

    most: int = 0
    window: timedelta = timedelta(minutes=10)


def check_tries(limit: TryLimit, last: Sequence[Try], now: datetime) -> None:
    """Check that the buyer may try once more. Raises TooManyTries.

    last: the buyer's last attempts with a known outcome, the newest first, `limit.most` of them
    or all if there are fewer.
    """
    if not limit.most or len(last) < limit.most:
        return
    if any(one.outcome is Outcome.CAPTURED for one in last):
        return
    wait = last[-1].asked_at + limit.window - now
    if timedelta() < wait <= 2 * limit.window:  # a longer one: the clock was set back since
        raise TooManyTries(retry_after=wait.total_seconds(), limit=limit.most)


def answered(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt after an answer: there is nothing to ask, or not before the next day.

    A refund that is owed keeps its own time: an answer about the capture says nothing about it.
    """
    if attempt.refund is Refund.OWED:
        return attempt
    looks = _is_kept(attempt) and now - attempt.asked_at < REFUNDS_EXPECTED
    return replace(attempt, unanswered=0, check_at=now + LOOK_FOR_REFUND if looks else None)


def owed(attempt: Attempt) -> Attempt:
    """Return the attempt with a refund owed, to be requested at once."""
    return replace(attempt, refund=Refund.OWED, unanswered=0, check_at=None)


def refunded(attempt: Attempt) -> Attempt:
    """Return the attempt whose money went back: there is nothing to ask any more."""
    return replace(attempt, refund=Refund.DONE, unanswered=0, check_at=None)


def next_look(declined: Iterable[Attempt], looks: int, now: datetime) -> datetime | None:
    """Return when to look for late money of these attempts; None when all looks were made.

    An attempt of later than now was made before the clock was set back: its age counts from now.
    looks: how many were made. Their ages are counted from the last attempt, so that there are
    three looks for a payment, however often it was tried.
    """
    last = max((min(one.asked_at, now) for one in declined), default=None)
    if last is None:
        return None
    ages = LOOKS[min(looks, len(LOOKS) - 1) :]
    return next((last + age for age in ages if last + age > now), None)


def unanswered(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt after a call without an answer: the next one follows with back-off."""
    times = attempt.unanswered + 1
    back_off = timedelta(seconds=min(2 ** min(times, MAX_DOUBLINGS), MAX_RETRY_SECONDS))
    wait = LOOK_FOR_REFUND_AGAIN if _is_kept(attempt) else back_off
    return replace(attempt, unanswered=times, check_at=now + wait)


def with_outcome(attempt: Attempt, outcome: Outcome) -> Attempt:
    """Return the attempt with its outcome. What was captured stays captured."""
    return attempt if attempt.outcome is Outcome.CAPTURED else replace(attempt, outcome=outcome)


def _is_kept(attempt: Attempt) -> bool:
    """Return whether its money was captured and is not to go back."""
    return attempt.outcome is Outcome.CAPTURED and attempt.refund is Refund.NONE
