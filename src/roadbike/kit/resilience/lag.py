"""How late the event loop is: the time that whatever becomes ready waits for its turn."""

import asyncio
from collections import deque
from math import ceil
from typing import Final

INTERVAL_SECONDS: Final = 0.1
SAMPLES: Final = 20  # two seconds
SHARE: Final = 0.95


class Lag:
    """The lateness of the running event loop in the last two seconds."""

    def __init__(self) -> None:
        self._late_ms: deque[float] = deque(maxlen=SAMPLES)
        self.p95_ms = 0.0

    async def measure(self) -> None:
        """Measure until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + INTERVAL_SECONDS
            await asyncio.sleep(INTERVAL_SECONDS)
            self.add((clock() - due) * 1000)

    def add(self, late_ms: float) -> None:
        """Take a timer that came so late, in milliseconds.

        It counts once for each interval that it lasted, with what was left of it then: as requests
        that arrive evenly would have met it.
        """
        left = max(0.0, late_ms)
        while True:
            self._late_ms.append(left)
            left -= INTERVAL_SECONDS * 1000
            if left <= 0:
                break
        ordered = sorted(self._late_ms)
        self.p95_ms = ordered[ceil(len(ordered) * SHARE) - 1]
