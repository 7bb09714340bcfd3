"""Races 3: the outbox has 300,000 sent events, then a backlog of 200,000, then the statistics of a
backlog that is gone; measured is how many rows PostgreSQL reads for each event that the relay
sends; the fault is more than 20 rows for an event.
"""

import time
from typing import Final

from sqlalchemy import text

from roadbike.kit.db import Database
from roadbike.kit.messaging.relay import Relay
from tests.faults.databases import execute, new_database, opened
from tests.faults.history import add_backlog, add_sent, relay_to_memory
from tests.faults.outcome import CannotTry, Outcome, run, say

HISTORY: Final = 300_000
BACKLOG: Final = 200_000
FEW: Final = 300
MOST_ROWS: Final = 20  # the event itself and its mark are 2 or 3
READ: Final = """
    SELECT sum(coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0))
    FROM pg_stat_user_tables WHERE relname LIKE 'outbox%'
"""


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    async with new_database("roadbike.stock") as url, opened(url) as db:
        relay = await relay_to_memory(db)
        await add_sent(db, HISTORY)
        await add_backlog(db, FEW)
        worst = await rows_for_one_event(db, relay, f"{HISTORY} sent, {FEW} waiting")
        await add_backlog(db, BACKLOG)
        worst = max(worst, await rows_for_one_event(db, relay, f"{BACKLOG} waiting"))
        await execute(db, "ANALYZE outbox")
        worst = max(worst, await rows_for_one_event(db, relay, "the same after ANALYZE"))
        await execute(db, "UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL")
        await add_backlog(db, FEW)
        worst = max(worst, await rows_for_one_event(db, relay, "sent, statistics of before"))
    return Outcome(worst > MOST_ROWS, f"the relay reads up to {worst:.0f} rows for one event")


async def rows_for_one_event(db: Database, relay: Relay, label: str) -> float:
    """Let the relay send one batch; return rows read for each event of it."""
    before = await rows_read(db)
    began = time.perf_counter()
    sent = await relay.relay_once()
    ms = (time.perf_counter() - began) * 1000
    if not sent:
        raise CannotTry("the relay sends nothing")
    rows = (await rows_read(db) - before) / sent
    say(f"{label}: {sent} events sent in {ms:.0f} ms, {rows:.1f} rows read for each")
    return rows


async def rows_read(db: Database) -> int:
    """Return how many rows of the outbox were read so far, by whatever plan."""
    async with db.background.begin() as tx:
        await tx.execute(text("SELECT pg_stat_force_next_flush()"))
    async with db.background.begin() as tx:
        return int(await tx.scalar(text(READ)) or 0)


if __name__ == "__main__":
    raise SystemExit(main())
