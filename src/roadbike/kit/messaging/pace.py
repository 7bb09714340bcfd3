"""Work behind a buyer's back leaves the machine to those who wait: it rests after each batch.

The rest is as long as the batch took, times REST: nothing at all when there is little to do, and
the busier the machine, the fewer and bigger the batches.
"""

import asyncio
import time
from typing import Final

REST: Final = 4.0
LONGEST_REST_SECONDS: Final = 0.2


class Pace:
    """Measures one batch: `pace = Pace()` before it, `await pace.rest()` after it."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    async def rest(self) -> None:
        """Let others work, in proportion to what the batch took."""
        took = time.monotonic() - self._begun
        await asyncio.sleep(min(REST * took, LONGEST_REST_SECONDS))
