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


class Throughput:
    """Measures how many pieces of work are finished in a second while there are many.

    within_seconds: in which a piece should be finished at the mean; None: there is always room.
    clock: seconds.
    """

    def __init__(
        self, within_seconds: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._within_seconds, self._clock = within_seconds, clock
        self._working = 0
        self._many_since = 0.0
        self._ends: deque[float] = deque()  # of the last SPAN_SECONDS

    @contextmanager
    def work(self) -> Iterator[None]:
        """Count the block as one piece of work."""
        self._working += 1
        if self._working == MANY:
            self._many_since = self._clock()
            self._ends.clear()
        try:
            yield
        finally:
            self._working -= 1
            self._ends.append(self._clock())
            self._forget()

    def has_room(self, working: int) -> bool:
        """Return whether one more can be finished in time, beside so many.

        There is room when it is not known: without many pieces of work for half of the span.
        """
        seconds = min(self._clock() - self._many_since, SPAN_SECONDS)
        if self._within_seconds is None or working < FEWEST:
            return True
        if self._working < MANY or seconds < SPAN_SECONDS / 2:
            return True
        self._forget()
        return working < len(self._ends) / seconds * self._within_seconds

    def _forget(self) -> None:
        begin = self._clock() - SPAN_SECONDS
        while self._ends and self._ends[0] <= begin:
            self._ends.popleft()
