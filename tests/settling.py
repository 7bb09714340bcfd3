"""When a shop is quiet: nothing is on its way, and nothing was told between two looks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

QUIET: Final = ("unsent", "lag", "parked", "pending", "unsettled")

Statuses = Mapping[str, Mapping[str, Any]]  # what each service tells of itself, by its name


async def settled(look: Callable[[], Awaitable[Statuses]], seconds: float, *, pause: float) -> None:
    """Look until two looks in a row find nothing to do and the same number of events told.

    One look asks service after service, so an event may slip through behind it; it is counted.
    """
    end = time.monotonic() + seconds
    before = None
    while True:
        seen = await look()
        restless = {name: status for name, status in seen.items() if not _is_quiet(status)}
        told = None if restless else {name: status["published"] for name, status in seen.items()}
        if told is not None and told == before:
            return
        assert time.monotonic() < end, f"not settled within {seconds:g} s: {restless or told}"
        before = told
        await asyncio.sleep(pause)


def _is_quiet(status: Mapping[str, Any]) -> bool:
    return status.get("ready", False) and not any(status.get(figure, 0) != 0 for figure in QUIET)
