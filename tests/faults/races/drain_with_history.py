"""Races 3: the relay sends a backlog of 100,000 events, once with an empty history and once with
1,000,000 sent events; measured are the events it sends in a second; the fault is less than half
of the speed with history.
"""

import time
from typing import Final

from tests.faults.databases import execute, new_database, opened
from tests.faults.history import add_backlog, add_sent, relay_to_memory
from tests.faults.outcome import Outcome, run, say

HISTORY: Final = 1_000_000
BACKLOG: Final = 100_000
SECONDS: Final = 8
LEAST_SHARE: Final = 0.5


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    without, with_history = await speed(0), await speed(HISTORY)
    share = with_history / without
    text = f"{with_history:.0f} events/s with {HISTORY} sent ones, {without:.0f} without"
    return Outcome(share < LEAST_SHARE, f"{text}: {share:.0%}")


async def speed(history: int) -> float:
    """Return the events that the relay sends in a second."""
    async with new_database("roadbike.stock") as url, opened(url) as db:
        await add_sent(db, history)
        await add_backlog(db, BACKLOG)
        await execute(db, "ANALYZE outbox")
        relay = await relay_to_memory(db)
        began, sent = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS and (some := await relay.relay_once()):
            sent += some
        found = sent / (time.perf_counter() - began)
    say(f"{history} sent events before: {found:.0f} events/s")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
