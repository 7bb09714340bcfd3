"""Tokens that were checked before: an Ed25519 check costs more than the rest of a request."""

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 4096  # tokens; beyond that all are forgotten and checked anew


class Remembered(Generic[T]):
    """What checked tokens say, each until it expires (seconds since the epoch)."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._said: dict[str, tuple[float, T]] = {}

    def get(self, token: str) -> T | None:
        """Return what the token says; None when it is unknown or has expired."""
        until, said = self._said.get(token, (0.0, None))
        return said if until > self._clock() else None

    def put(self, token: str, said: T, until: float) -> None:
        """Remember a token that was found to hold."""
        if len(self._said) >= MOST:
            self._said.clear()
        self._said[token] = (until, said)

    def clear(self) -> None:
        """Forget all of them: a key may have been withdrawn."""
        self._said.clear()
