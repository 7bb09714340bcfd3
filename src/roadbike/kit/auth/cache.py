"""A cache of verified tokens: an Ed25519 check costs more than the rest of a request."""

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MAX_TOKENS: Final = 4096  # a full cache is cleared, and its tokens are verified again


class TokenCache(Generic[T]):
    """Values read from verified tokens, by token, each until its token expires."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Start empty; `clock` returns seconds since the epoch."""
        self._clock = clock
        self._entries: dict[str, tuple[float, T]] = {}

    def get(self, token: str) -> T | None:
        """Return the token's value; None when the token is not in the cache or has expired."""
        expires_at, value = self._entries.get(token, (0.0, None))
        return value if expires_at > self._clock() else None

    def put(self, token: str, value: T, *, expires_at: float) -> None:
        """Store the value of a verified token; `expires_at` is in seconds since the epoch."""
        if len(self._entries) >= MAX_TOKENS:
            self._entries.clear()
        self._entries[token] = (expires_at, value)

    def clear(self) -> None:
        """Remove all tokens, because a key may have been withdrawn."""
        self._entries.clear()
