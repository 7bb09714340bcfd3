"""A value of another service that is kept, and read again in the background when it is old."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Self, TypeVar

import structlog

from roadbike.kit.logs import SELDOM
from roadbike.storefront.peers import Unreachable

T = TypeVar("T")

CPU_SHARE: Final = 20  # a value is used this many times as long as reading it took
AGAIN_SECONDS: Final = 1.0  # after a reading that failed
FIRST_AGAIN_SECONDS: Final = 0.2  # the same while there is no value yet
WAIT_SECONDS: Final = 1.0  # that a page waits for a new value, at most, when it has an old one

log = structlog.get_logger()


class Kept(Generic[T]):
    """One value, read when it is asked for and older than `fresh_seconds`, by one reader at a time.

    A page waits for the first value, and WAIT_SECONDS when its value is older than `stale_seconds`;
    else it gets the value that there is.
    """

    def __init__(
        self, read: Callable[[], Awaitable[T]], *, fresh_seconds: float, stale_seconds: float
    ) -> None:
        self._read = read
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = stale_seconds
        self._value: T | None = None
        self._read_at = self._next_read = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._failure: Unreachable | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def get(self) -> T:
        """Return the value. Raises Unreachable when there was never one."""
        reading = self._start_if_due()
        if self._value is None:
            if reading is not None:
                await asyncio.shield(reading)
        elif reading is not None and self._age() > self._stale_seconds:
            await asyncio.wait({reading}, timeout=WAIT_SECONDS)
        return self._known()

    def expire(self) -> None:
        """Read it again when it is asked for next."""
        self._next_read = 0.0

    def _known(self) -> T:
        if self._value is None:
            raise self._failure or Unreachable("")
        return self._value

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    def _start_if_due(self) -> asyncio.Task[None] | None:
        is_running = self._reading is not None and not self._reading.done()
        if not is_running and time.monotonic() >= self._next_read:
            self._reading = asyncio.create_task(self._read_now())
            return self._reading
        return self._reading if is_running else None

    async def _read_now(self) -> None:
        started = time.monotonic()
        self._next_read = started + AGAIN_SECONDS
        try:
            value = await self._read()
        except Unreachable as error:
            log.warning("storefront.keeps_old", service=error.service, **SELDOM)
            again = FIRST_AGAIN_SECONDS if self._value is None else AGAIN_SECONDS
            self._failure, self._next_read = error, time.monotonic() + again
            return
        self._value, self._read_at = value, time.monotonic()
        taken = self._read_at - started
        self._next_read = self._read_at + max(self._fresh_seconds, CPU_SHARE * taken)
