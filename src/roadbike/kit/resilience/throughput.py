"""How much work can be taken in and still be finished in time, by what was finished lately.

A fixed limit of the work in flight fits one machine. When the machine has less time for this
process, the same number takes longer (Little's law), and what is taken in is finished too late:
work was done that is of no use to anybody.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SPAN_SECONDS: Final = 1.0  # over which it is measured how much is finished
FEWEST: Final = 16  # pieces of work that are always taken in
MANY: Final = FEWEST // 2  # from which on it is measured
MEAN: Final = 0.7  # of the time that each may take, so that nearly all are finished in it
CAUTIOUS_SECONDS: Final = 10.0  # after a piece of work that took too long


class Throughput:
    """Measures how many pieces of work are finished in a second while there are many.

    limit_seconds: in which each piece should be finished. While all are, there is room; after one
    that took longer, as many are taken in as are finished within MEAN of it at the mean. None:
    there is always room. clock: seconds.
    """

    def __init__(
        self, limit_seconds: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_seconds, self._clock = limit_seconds, clock
        self._too_long_at = -CAUTIOUS_SECONDS
        self._working = 0
        self._many_since = 0.0
        self._ends: deque[float] = deque()  # of the last SPAN_SECONDS

    @contextmanager
    def work(self) -> Iterator[None]:
        """Count the block as one piece of work."""
        began = self._clock()
        self._working += 1
        if self._working == MANY:
            self._many_since = self._clock()
            self._ends.clear()
        try:
            yield
        finally:
            self._working -= 1
            self._ends.append(now := self._clock())
            if self._limit_seconds is not None and now - began > self._limit_seconds:
                self._too_long_at = now
            self._forget()

    def has_room(self, working: int) -> bool:
        """Return whether one more can be finished in time, beside so many.

        There is room when it is not known: without many pieces of work for half of the span.
        """
        if self._limit_seconds is None or working < FEWEST or self._working < MANY:
            return True
        now = self._clock()
        seconds = min(now - self._many_since, SPAN_SECONDS)
        if seconds < SPAN_SECONDS / 2 or now - self._too_long_at > CAUTIOUS_SECONDS:
            return True
        self._forget()
        return working < len(self._ends) / seconds * self._limit_seconds * MEAN

    def _forget(self) -> None:
        begin = self._clock() - SPAN_SECONDS
        while self._ends and self._ends[0] <= begin:
            self._ends.popleft()
