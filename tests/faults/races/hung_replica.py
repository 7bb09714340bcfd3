"""Races 1 and 9: two replicas of reservation sell bikes on one PostgreSQL and one is stopped
(SIGSTOP) while the other waits for a row that it has locked; measured are the answers of the
healthy one; the fault is fewer than a tenth of them in the time from 5 to 20 s after the stop.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.context import SpawnProcess
from typing import Any, Final, cast

from sqlalchemy import text

from roadbike.kit.db import Database
from roadbike.kit.deadline import starts_now
from roadbike.kit.resilience import Limiter, breaker
from roadbike.reservation import store
from roadbike.reservation.payments import Payments
from roadbike.reservation.use_cases.reserve import DEADLINE_MS, Desk
from tests.faults.databases import new_database, opened, silence_logs
from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.processes import child, pause, resume
from tests.reservation.things import EMONDA, TERMS, an_order

BIKES: Final = (1, 2, 3, 4, 5)
SHARED_BIKE: Final = (1,)  # the only one that the other replica sells
BUYERS: Final = 30
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


class QuickPayments:
    """Opens every payment after 10 ms."""

    async def open(self, *_: object) -> None:
        await asyncio.sleep(0.01)


@dataclass
class Answers:
    """What the buyers of the healthy replica were answered since the last look."""

    seen: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def note(self, what: str, seconds: float) -> None:
        self.seen[what] += 1
        self.slowest = max(self.slowest, seconds)

    async def within(self, seconds: float, label: str) -> float:
        """Return reservations a second in the next seconds."""
        self.seen.clear()
        self.slowest = 0.0
        await asyncio.sleep(seconds)
        say(f"{label}: {dict(self.seen)}, slowest {self.slowest:.1f} s")
        return self.seen["reserved"] / seconds


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    async with new_database("roadbike.reservation") as url, opened(url) as db:
        async with db.begin() as tx:
            for number in BIKES:
                store.save_bike(tx, replace(EMONDA, bike_id=number, free=10**7))
        answers = Answers()
        with child(other_replica, url) as other:
            async with buying(db, BIKES, answers):
                await asyncio.sleep(6)  # until both are at work
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


@asynccontextmanager
async def buying(db: Database, bikes: tuple[int, ...], answers: Answers) -> AsyncIterator[None]:
    """Let buyers reserve one bike after the other at one replica, inside the block."""
    desk = a_desk(db)
    tasks = [asyncio.create_task(buy(desk, bikes, answers)) for _ in range(BUYERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def buy(desk: Desk, bikes: tuple[int, ...], answers: Answers) -> None:
    while True:
        began = time.monotonic()
        order = an_order(bike_id=random.choice(bikes))  # noqa: S311 no secret
        try:
            await desk.reserve(order, starts_now(10_000))
        except Exception as error:  # noqa: BLE001 every refusal is counted by its name
            answers.note(type(error).__name__, time.monotonic() - began)
            await asyncio.sleep(0.05)
        else:
            answers.note("reserved", time.monotonic() - began)


def a_desk(db: Database) -> Desk:
    return Desk(
        db,
        cast("Payments", QuickPayments()),
        limiter=Limiter(200),
        breaker=breaker("payment", deadline_ms=DEADLINE_MS),
        terms=TERMS,
        render=lambda _: b"{}",
    )


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
