"""Races 5: a second replica of stock commits 500 times a second without holding the relay's lease,
and is stopped (SIGSTOP) while it has the lease's row locked; measured are its questions for the
lease in a second, and how many of 15 events the holder sends meanwhile; the fault is more than
50 questions a second, or fewer than 5 events sent.
"""

import asyncio
import time
from contextlib import suppress
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from sqlalchemy import text

from roadbike.kit.db import Database
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.relay import Relay
from tests.faults.databases import execute, new_database, opened, silence_logs
from tests.faults.outcome import Outcome, run, say
from tests.faults.processes import child, pause, resume

MOST_QUESTIONS: Final = 50
STOPS: Final = 60
EVENTS: Final = 15  # one a second
FEWEST_SENT: Final = 5
LOOKS: Final = "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'lease'"
LEFT_OPEN: Final = """
    SELECT query FROM pg_stat_activity
    WHERE state LIKE 'idle in transaction%' AND datname = current_database()
        AND pid <> pg_backend_pid()
"""
EVENT: Final = """
    INSERT INTO outbox (event_id, kind, key, version, type, topic, time, data)
    VALUES (gen_random_uuid(), 'bike', '1', 1, 'x', 'bike.stock', now(), 'x')
"""
UNSENT: Final = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    async with new_database("roadbike.stock") as url, opened(url) as db:
        holder = await a_relay(db)
        await holder.relay_once()  # takes the lease
        relaying = asyncio.create_task(holder.run_forever())
        try:
            with child(second_replica, url) as other:
                questions = await questions_a_second(db)
                say(f"the replica without the lease asks {questions:.0f} times a second")
                locked = await stopped_with_the_row(db, other)
                sent = await sent_by_the_holder(db)
                resume(other)
        finally:
            relaying.cancel()
            with suppress(asyncio.CancelledError):
                await relaying
    where = "with the lease's row locked" if locked else "elsewhere"
    result = f"{questions:.0f} questions a second; stopped {where}: {sent} of {EVENTS} sent"
    return Outcome(questions > MOST_QUESTIONS or sent < FEWEST_SENT, result)


def second_replica(url: str) -> None:
    """Run a relay in a process whose commits publish something 500 times a second."""
    silence_logs()

    async def work() -> None:
        async with opened(url) as db:
            relaying = asyncio.create_task((await a_relay(db)).run_forever())
            while not relaying.done():
                db.signal_outbox()
                await asyncio.sleep(0.002)

    asyncio.run(work())


async def a_relay(db: Database) -> Relay:
    broker = MemoryBroker(MemoryLog())
    await broker.set_up({"bike.stock": ()})
    return Relay(db, broker, "stock")


async def questions_a_second(db: Database) -> float:
    """Count how often the lease's table is read: only the other replica does it so often."""
    await asyncio.sleep(4)  # until it runs
    began, before = time.monotonic(), await scalar(db, LOOKS)
    await asyncio.sleep(4)
    return float(await scalar(db, LOOKS) - before) / (time.monotonic() - began)


async def stopped_with_the_row(db: Database, other: SpawnProcess) -> bool:
    """Stop the replica until one stop meets it with the row locked; leave it stopped."""
    left_open = 0
    for number in range(STOPS):
        pause(other)
        await asyncio.sleep(0.02)
        query = await scalar(db, LEFT_OPEN)
        left_open += query is not None
        if query is not None and "FOR UPDATE" in query:
            say(f"of {number + 1} stops {left_open} left a transaction open")
            return True
        resume(other)
        await asyncio.sleep(0.05 + 0.0137 * (number % 9))
    say(f"of {STOPS} stops {left_open} left a transaction open")
    pause(other)
    return False


async def sent_by_the_holder(db: Database) -> int:
    """Publish one event a second in the holder's own process; return how many it sent."""
    for _ in range(EVENTS):
        await execute(db, EVENT)
        db.signal_outbox()
        await asyncio.sleep(1)
    return EVENTS - int(await scalar(db, UNSENT))


async def scalar(db: Database, statement: str) -> Any:
    async with db.read() as tx:
        return await tx.scalar(text(statement))


if __name__ == "__main__":
    raise SystemExit(main())
