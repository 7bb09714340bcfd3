"""Races 1: two replicas of reservation sell bikes on one PostgreSQL and one is stopped
(SIGSTOP) while the other waits for a row that it has locked; measured are the answers of the
healthy one; the fault is fewer than a tenth of them in the time from 5 to 20 s after the stop.
"""

import asyncio
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from sqlalchemy import text

from roadbike.kit.db import Database
from tests.faults.databases import new_database, opened, silence_logs
from tests.faults.desks import BIKES, Answers, add_bikes, buying
from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.processes import child, pause, resume

SHARED_BIKE: Final = (1,)  # the only one that the other replica sells
STOPS: Final = 40
LEAST_SHARE: Final = 0.1
IDLE: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE state LIKE 'idle in transaction%' AND datname = current_database()
        AND state_change < now() - interval '200 ms'
"""
WAITING: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    async with new_database("roadbike.reservation") as url, opened(url) as db:
        await add_bikes(db)
        answers = Answers()
        with child(other_replica, url) as other:
            async with buying(db, BIKES, answers):
                await asyncio.sleep(6)  # until both reserve
                before = await answers.within(3, "before")
                if not before:
                    raise CannotTry("the healthy replica reserves nothing")
                if not await stopped_with_a_lock(db, other):
                    return Outcome(seen=False, text=f"{STOPS} stops held up nobody")
                await answers.within(5, "0 to 5 s after the stop")
                after = await answers.within(15, "5 to 20 s after the stop")
                resume(other)
                await answers.within(3, "after SIGCONT")
    result = f"{after:.0f} reservations a second while the other replica hangs, {before:.0f} before"
    return Outcome(after < before * LEAST_SHARE, result)


def other_replica(url: str) -> None:
    silence_logs()

    async def work() -> None:
        async with opened(url) as db, buying(db, SHARED_BIKE, Answers()):
            await asyncio.Event().wait()

    asyncio.run(work())


async def stopped_with_a_lock(db: Database, other: SpawnProcess) -> bool:
    """Stop the replica until somebody waits for its lock; leave it stopped."""
    for number in range(STOPS):
        pause(other)
        await asyncio.sleep(0.25)
        if await scalar(db, IDLE) and await scalar(db, WAITING):
            say(f"stop number {number + 1} left the other replica waiting for a lock")
            return True
        resume(other)
        await asyncio.sleep(0.3)
    return False


async def scalar(db: Database, statement: str) -> Any:
    async with db.read() as tx:
        return await tx.scalar(text(statement))


if __name__ == "__main__":
    raise SystemExit(main())
