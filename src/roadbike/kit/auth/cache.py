"""Which tokens were verified before: an Ed25519 check costs more than the rest of a request."""

import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final, Generic, TypeVar

from roadbike.kit.auth.clock import steady_seconds

T = TypeVar("T")

MAX_TOKENS: Final = 4096  # a full cache is cleared, and its tokens are verified again


class TokenCache(Generic[T]):
    """Values read from verified tokens, by token, each until its token expires."""

    def __init__(self, clock: Callable[[], float] = steady_seconds) -> None:
        """Start empty; `clock` returns seconds and is never set."""
        self._clock = clock
        self._entries: dict[str, tuple[float, T]] = {}

    def get(self, token: str) -> T | None:
        """Return the token's value; None when the token is not in the cache or has expired."""
        ends_at, value = self._entries.get(token, (-inf, None))
        return value if ends_at > self._clock() else None

    def put(self, token: str, value: T, *, seconds: float) -> None:
        """Store the value of a verified token, which is still valid for so many seconds."""
        if len(self._entries) >= MAX_TOKENS:
            self._entries.clear()
        self._entries[token] = (self._clock() + seconds, value)


class UsedOnce:
    """Ids that were used in the last seconds, so that a second use is noticed.

    It holds one entry for each use in `seconds`, and belongs to one process. clock: monotonic.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._ids: set[str] = set()
        self._ends: deque[tuple[float, str]] = deque()  # oldest first

    def __len__(self) -> int:
        """Return the number of ids that are remembered."""
        return len(self._ids)

    def use(self, id_: str) -> bool:
        """Return whether this is the id's first use."""
        now = self._clock()
        while self._ends and self._ends[0][0] <= now:
            self._ids.discard(self._ends.popleft()[1])
        if id_ in self._ids:
            return False
        self._ids.add(id_)
        self._ends.append((now + self._seconds, id_))
        return True
