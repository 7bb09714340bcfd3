"""The pace of background work, which yields the CPU to user requests.

After each batch it sleeps REST_FACTOR times as long as the batch took, at most
LONGEST_REST_SECONDS. Short batches hardly wait; on a busy machine batches become fewer and larger.
"""

import asyncio
import time
from typing import Final

REST_FACTOR: Final = 4.0
LONGEST_REST_SECONDS: Final = 0.2


class Pace:
    """A stopwatch for one batch: `pace = Pace()` before it, `await pace.rest()` after it."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    async def rest(self) -> None:
        """Sleep in proportion to the time since the start of the batch."""
        took = time.monotonic() - self._started
        await asyncio.sleep(min(REST_FACTOR * took, LONGEST_REST_SECONDS))
