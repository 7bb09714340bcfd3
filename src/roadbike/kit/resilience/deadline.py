"""How much time a request has left, from the first byte that was handled."""

import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final

MILLISECONDS: Final = re.compile(r"[0-9]{1,9}")
HOP_MS: Final = 20  # what a hop may cost; the callee is given that much less
Clock = Callable[[], float]

current_deadline: ContextVar["Deadline"] = ContextVar("deadline")  # of the running request


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A point in monotonic time. `started` is in seconds of `clock`, `limit_ms` counts from it."""

    started: float
    limit_ms: int
    clock: Clock = time.monotonic

    def remaining_ms(self) -> int:
        """Return the whole milliseconds left, never below 0."""
        spent = (self.clock() - self.started) * 1000
        return max(0, int(self.limit_ms - spent))

    @property
    def is_over(self) -> bool:
        """Tell whether no time is left."""
        return self.remaining_ms() == 0

    def within(self, limit_ms: int) -> "Deadline":
        """Return the earlier of this deadline and `limit_ms` from the same start."""
        return replace(self, limit_ms=min(self.limit_ms, limit_ms))

    def forwarded_ms(self) -> int:
        """Return what a callee may be told as X-Timeout-Ms: what is left, less one hop."""
        return max(0, self.remaining_ms() - HOP_MS)


def starts_now(
    limit_ms: int, asked_ms: str | None = None, clock: Clock = time.monotonic
) -> Deadline:
    """Start a deadline of `limit_ms`, or of the shorter X-Timeout-Ms that was asked for.

    A malformed X-Timeout-Ms is ignored: it can only shorten what we would take anyway.
    """
    asked = int(asked_ms) if asked_ms and MILLISECONDS.fullmatch(asked_ms) else limit_ms
    return Deadline(started=clock(), limit_ms=min(limit_ms, asked), clock=clock)
