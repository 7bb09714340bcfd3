"""Limit the work in flight: work over the limit waits briefly or is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from roadbike.kit.pure.refusals import Overloaded

MAX_WAIT_SECONDS: Final = 0.04  # so that who is refused knows it within 50 ms
RETRY_SECONDS: Final = 1.0  # until a refused client may try again


class Limiter:
    """Lets `limit` pieces of work run at a time, and `queue` of them wait up to `wait_seconds`.

    `limit` is about 0.6 of deadline ÷ service time (Little's law). First come, first served.
    queue: as many as `limit`, unless another number is given.
    """

    def __init__(
        self, limit: int, *, wait_seconds: float = MAX_WAIT_SECONDS, queue: int | None = None
    ) -> None:
        self.limit = limit
        self.queue = limit if queue is None else queue
        self.in_flight = 0
        self.waiting = 0
        self._wait_seconds = wait_seconds
        self._free = asyncio.Semaphore(limit)

    @property
    def is_full(self) -> bool:
        """Return whether the next piece of work would be refused at once."""
        return self._free.locked() and self.waiting >= self.queue

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the places during the block.

        Raises Overloaded when the queue is full or no place becomes free in time.
        """
        await self._take()
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._free.release()

    async def _take(self) -> None:
        if not self._free.locked():
            await self._free.acquire()  # a place is free: this does not wait
            return
        if self.waiting >= self.queue:
            raise Overloaded(retry_after=RETRY_SECONDS)
        self.waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded(retry_after=RETRY_SECONDS) from None
        finally:
            self.waiting -= 1
