"""Limits of requests per user or client address, counted in the memory of this process."""

import time
from collections.abc import Callable
from typing import Any, Final

from litestar.connection import Request

from roadbike.kit.pure.refusals import TooMany

MAX_NAMES: Final = 10_000  # about 2 MB
MINUTE_SECONDS: Final = 60
NANOSECONDS: Final = 1_000_000_000
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class RateLimit:
    """Allows `limit` requests at once and per `window_seconds` for each name; 0 is no limit.

    It is a token bucket of that size for each name. Kept is one number per name (the generic cell
    rate algorithm): the time at which its bucket will be full again. Of more than MAX_NAMES names
    those that were not seen for longest are forgotten. Replicas do not share their counts.
    """

    def __init__(
        self, limit: int, window_seconds: int, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """Take a clock of monotonic nanoseconds: with floats, rounding could cost a request."""
        self.limit = limit
        self._window, self._clock = window_seconds * NANOSECONDS, clock
        self._full_at: dict[str, int] = {}  # the names that were not seen for longest come first

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, name: str) -> None:
        """Count one request of this name. Raises TooMany, and counts nothing, over the limit."""
        if not self.limit:
            return
        now = self._clock()
        before = max(self._full_at.pop(name, now), now)
        full_at = before + self._window // self.limit
        wait = full_at - now - self._window
        self._full_at[name] = before if wait > 0 else full_at
        if len(self._full_at) > MAX_NAMES:
            del self._full_at[next(iter(self._full_at))]
        if wait > 0:
            raise TooMany(retry_after=wait / NANOSECONDS)


def limit_writes(request: Request[Any, Any, Any], user_id: str) -> None:
    """Count a request of this user unless it only reads. Raises TooMany.

    It is called before the body is read.
    """
    if request.method not in SAFE_METHODS:
        writes: RateLimit = request.app.state["writes"]
        writes.take(user_id)
