"""The replicas of a service that is called: which one the next call goes to."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

REST_SECONDS: Final = 2.0  # without calls, after a call that got no answer


class Targets:
    """Takes the base URLs in turn, and leaves those out that gave no answer lately.

    After REST_SECONDS one call tries such a replica; the others follow when it has answered. When
    none is left, calls go to all in turn: the circuit breaker decides whether they are made.
    Raises ValueError without a URL.
    """

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        if not urls:
            raise ValueError("at least one URL is needed")
        self._urls = list(urls)
        self._clock = clock
        self._rests_until: dict[str, float] = {}  # those without an answer
        self._next = 0

    @property
    def count(self) -> int:
        """Return how many replicas there are."""
        return len(self._urls)

    def choose(self, tried: Collection[str] = ()) -> str:
        """Return the URL for the next call: not one of `tried`, and of the others one in use."""
        now = self._clock()
        turn = self._urls[self._next :] + self._urls[: self._next]
        others = [url for url in turn if url not in tried] or turn
        chosen = next((url for url in others if self._is_free(url, now)), others[0])
        self._next = (self._urls.index(chosen) + 1) % len(self._urls)
        if chosen in self._rests_until:
            self._rest(chosen)  # one call at a time tries it
        return chosen

    def has_others(self, tried: Collection[str] = ()) -> bool:
        """Return whether there is a replica that does not rest and is not one of `tried`."""
        now = self._clock()
        return any(url not in tried and self._is_free(url, now) for url in self._urls)

    def is_doubtful(self, url: str) -> bool:
        """Return whether the last call to the replica got no answer."""
        return url in self._rests_until

    def answered(self, url: str) -> None:
        """Use the replica again: it has answered."""
        self._rests_until.pop(url, None)

    def failed(self, url: str) -> None:
        """Leave the replica out for a while: it gave no answer."""
        self._rest(url)

    def _is_free(self, url: str, now: float) -> bool:
        return self._rests_until.get(url, now) <= now

    def _rest(self, url: str) -> None:
        self._rests_until[url] = self._clock() + REST_SECONDS
