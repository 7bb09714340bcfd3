"""The time that a request has left, counted from the moment it arrived."""

import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final

MILLISECONDS: Final = re.compile(r"[0-9]{1,9}")
HOP_MS: Final = 20  # the time that one network hop may take; a callee is given that much less
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

    def is_over(self) -> bool:
        """Return whether no time is left."""
        return self.remaining_ms() == 0

    def within(self, limit_ms: int) -> "Deadline":
        """Return the earlier of this deadline and `limit_ms` from the same start."""
        return replace(self, limit_ms=min(self.limit_ms, limit_ms))

    def forwarded_ms(self) -> int:
        """Return the X-Timeout-Ms for a callee: the milliseconds left, less one hop."""
        return max(0, self.remaining_ms() - HOP_MS)


def new_deadline(limit_ms: int, clock: Clock = time.monotonic) -> Deadline:
    """Start a deadline of `limit_ms` now."""
    return Deadline(started=clock(), limit_ms=limit_ms, clock=clock)


def shorten_deadline(requested_ms: str) -> None:
    """End the running request `requested_ms` (X-Timeout-Ms) after its start, if that is earlier.

    Only for requests of services: a user who shortens a deadline would make the services that the
    request calls look slow. A malformed number is ignored, since it could only have shortened it.
    """
    if MILLISECONDS.fullmatch(requested_ms):
        current_deadline.set(current_deadline.get().within(int(requested_ms)))
