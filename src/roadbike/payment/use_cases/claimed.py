"""Work on attempts that this replica has claimed, several at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from roadbike.payment.domain import Attempt

AT_A_TIME: Final = 10

Claim = Callable[[int], Awaitable[Sequence[Attempt]]]  # claims at most so many
Work = Callable[[Attempt], Awaitable[None]]


async def work_on_claimed(claim: Claim, work: Work) -> None:
    """Work on whatever can be claimed, AT_A_TIME at a time, until nothing is left to claim.

    One that takes long holds up its own place only. Raises what `work` raises; the others are then
    cancelled, and can be claimed again when their claim has run out.
    """
    running: set[asyncio.Task[None]] = set()
    try:
        while True:
            claimed = await claim(AT_A_TIME - len(running))
            running |= {asyncio.ensure_future(work(attempt)) for attempt in claimed}
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
