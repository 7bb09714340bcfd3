"""The time by which tokens are judged, also right after the clock of the machine was set.

When a clock is set by an hour, tokens of before would all be expired, or not yet valid. A process
can see that: the steady clock, which nobody sets, does not jump with the other. So for the longest
life of a token it judges by both, the clock as it is and as it would be if it had not been set.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

STEP_SECONDS: Final = 1.0  # what is less is within the tolerance for clocks that differ
MAX_STEPS: Final = 4  # remembered at a time
LONGEST_LIFE_SECONDS: Final = 86_400

log = structlog.get_logger()


def steady_seconds() -> float:
    """Return seconds that pass evenly, also (on Linux) while the machine is suspended."""
    boottime: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class TokenClock:
    """Seconds since 1970, and those by the clock before it was set.

    life_seconds: how long a step is remembered, the longest life of a token.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady_seconds,
        *,
        life_seconds: float = LONGEST_LIFE_SECONDS,
    ) -> None:
        self._wall, self._steady, self._life = wall, steady, life_seconds
        self._offset = wall() - steady()
        self._before: deque[tuple[float, float]] = deque(maxlen=MAX_STEPS)  # offset, until

    def now(self) -> float:
        """Return the present time."""
        return self._wall()

    def times(self) -> list[float]:
        """Return the present time, then those by clocks that were set a short time ago."""
        wall, steady = self._wall(), self._steady()
        step = wall - steady - self._offset
        if abs(step) > STEP_SECONDS:
            log.warning("clock.set", seconds=round(step))
            self._before.append((self._offset, steady + self._life))
        self._offset = wall - steady
        while self._before and self._before[0][1] <= steady:
            self._before.popleft()
        return [wall, *(steady + offset for offset, _ in self._before)]

    def seconds_left(self, begins: float, ends: float, tolerance: float) -> float | None:
        """Return for how many seconds something is still valid; None when it is not valid now.

        begins, ends: seconds since 1970. tolerance: seconds by which clocks may differ.
        """
        left = [
            ends - now
            for now in self.times()
            if begins <= now + tolerance and ends > now - tolerance
        ]
        return max(left, default=None)
