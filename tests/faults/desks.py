"""Reservation desks on one database, with a payment service that answers, and buyers."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final, cast

from roadbike.kit.db import Database
from roadbike.kit.resilience.breaker import breaker
from roadbike.kit.resilience.deadline import new_deadline
from roadbike.kit.resilience.limiter import Limiter
from roadbike.reservation import store
from roadbike.reservation.payments import Payments
from roadbike.reservation.use_cases.desk import DEADLINE_MS, ReservationDesk
from tests.faults.outcome import say
from tests.reservation.builders import EMONDA, TERMS, a_request

BIKES: Final = (1, 2, 3, 4, 5)
BUYERS: Final = 30
UNITS: Final = 10**7


class QuickPayments:
    """Opens every payment after 10 ms."""

    async def open(self, *_: object) -> None:
        await asyncio.sleep(0.01)


@dataclass
class Answers:
    """The results that buyers got since the last measurement; slowest: in seconds."""

    seen: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def note(self, what: str, seconds: float) -> None:
        self.seen[what] += 1
        self.slowest = max(self.slowest, seconds)

    async def within(self, seconds: float, label: str) -> float:
        """Measure for that long; return the reservations per second."""
        self.seen.clear()
        self.slowest = 0.0
        await asyncio.sleep(seconds)
        say(f"{label}: {dict(self.seen)}, slowest {self.slowest:.1f} s")
        return self.seen["reserved"] / seconds


async def add_bikes(db: Database) -> None:
    """Put all BIKES into reservation's copy of the catalogue."""
    async with db.begin() as tx:
        for number in BIKES:
            store.save_bike(tx, replace(EMONDA, bike_id=number, free=UNITS))


@asynccontextmanager
async def buying(db: Database, bikes: tuple[int, ...], answers: Answers) -> AsyncIterator[None]:
    """Let buyers reserve these bikes at one replica during the block."""
    desk = a_desk(db)
    tasks = [asyncio.create_task(buy(desk, bikes, answers)) for _ in range(BUYERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def buy(desk: ReservationDesk, bikes: tuple[int, ...], answers: Answers) -> None:
    while True:
        began = time.monotonic()
        request = a_request(bike_id=random.choice(bikes))  # noqa: S311 no secret
        try:
            await desk.reserve(request, new_deadline(10_000))
        except Exception as error:  # noqa: BLE001 every refusal is counted by its name
            answers.note(type(error).__name__, time.monotonic() - began)
            await asyncio.sleep(0.05)
        else:
            answers.note("reserved", time.monotonic() - began)


def a_desk(db: Database) -> ReservationDesk:
    return ReservationDesk(
        db,
        cast("Payments", QuickPayments()),
        limiter=Limiter(200),
        breaker=breaker("payment", deadline_ms=DEADLINE_MS),
        terms=TERMS,
        render=lambda _: b"{}",
    )
