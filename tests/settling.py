"""Wait until a shop is settled: it has nothing left to do, and publishes nothing more."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

MUST_BE_ZERO: Final = ("unsent", "lag", "parked", "unanswered", "pending", "unsettled")

Statuses = Mapping[str, Mapping[str, Any]]  # `/internal/status` of each service, by its name


async def wait_until_settled(
    look: Callable[[], Awaitable[Statuses]], seconds: float, *, pause: float
) -> None:
    """Wait until two looks in a row find nothing to do and the same number of published events.

    A look reads one status after the other. An event that moves from a service that is read later
    to one that was read before is seen by the number of published events.
    Raises AssertionError after the given seconds.
    """
    end = time.monotonic() + seconds
    before = None
    while True:
        seen = await look()
        busy = {name: status for name, status in seen.items() if not _has_nothing_to_do(status)}
        published = None if busy else {name: status["published"] for name, status in seen.items()}
        if published is not None and published == before:
            return
        assert time.monotonic() < end, f"not settled within {seconds:g} s: {busy or published}"
        before = published
        await asyncio.sleep(pause)


def _has_nothing_to_do(status: Mapping[str, Any]) -> bool:
    return status.get("ready", False) and not any(status.get(name, 0) != 0 for name in MUST_BE_ZERO)
