"""What a load was answered, request by request, and the counts of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from math import inf
from typing import Final

import msgspec

LOST: Final = 0  # instead of a status: the connection ended, or was refused
LATE: Final = -1  # instead of a status: there was no answer in time


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """The answer to one request.

    sent: when it was sent or, with a fixed rate, when it was due; seconds of the monotonic clock,
    which all processes of a machine share. ms: from then until the answer. status: of HTTP, or LOST
    or LATE. retry_after: whether it had that header. call, user: their index in the plan.
    key: its Idempotency-Key. found: the reserveId of a 201. why: of a refusal, the last part of its
    problem's type. waited: milliseconds of `ms` until it was sent: with a fixed rate the load may
    be late itself, or have no connection.
    """

    sent: float
    ms: float
    status: int
    retry_after: bool = False
    call: int = 0
    user: int = 0
    key: str = ""
    found: str = ""
    why: str = ""
    waited: float = 0.0

    @property
    def is_good(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_refusal(self) -> bool:
        """Return whether the shop asked to come back later."""
        busy = self.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
        return busy and self.retry_after


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of some answers. Times are in milliseconds.

    good: 2xx. refused: 503 and 429 with Retry-After. late, lost: without an answer in time, and
    without any. other: all the rest. p50, p99: of the good ones; refused_p99: of the refused ones.
    statuses: how many answers had each status.
    """

    sent: int
    good: int
    refused: int
    late: int
    lost: int
    other: int
    p50: float
    p99: float
    refused_p99: float
    statuses: dict[str, int]

    @property
    def share(self) -> float:
        """Return the per cent of good answers; 100 when nothing was sent."""
        return 100 * self.good / self.sent if self.sent else 100.0


def between(answers: Iterable[Answer], begin: float = -inf, end: float = inf) -> list[Answer]:
    """Return the answers to what was sent from `begin` to before `end`."""
    return [answer for answer in answers if begin <= answer.sent < end]


def tally(answers: Sequence[Answer]) -> Tally:
    good = sorted(answer.ms for answer in answers if answer.is_good)
    refused = sorted(answer.ms for answer in answers if answer.is_refusal)
    statuses: dict[str, int] = {}
    for answer in answers:
        statuses[str(answer.status)] = statuses.get(str(answer.status), 0) + 1
    late, lost = statuses.pop(str(LATE), 0), statuses.pop(str(LOST), 0)
    return Tally(
        sent=len(answers),
        good=len(good),
        refused=len(refused),
        late=late,
        lost=lost,
        other=len(answers) - len(good) - len(refused) - late - lost,
        p50=percentile(good, 0.5),
        p99=percentile(good, 0.99),
        refused_p99=percentile(refused, 0.99),
        statuses=statuses,
    )


def reasons(answers: Iterable[Answer]) -> str:
    """Return the refusals among the answers in words: how many there were for each reason."""
    counted = Counter(f"{each.status} {each.why}".rstrip() for each in answers if not each.is_good)
    return ", ".join(f"{reason}: {count:,}" for reason, count in counted.most_common())


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value at that share of the ordered values; 0 when there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
