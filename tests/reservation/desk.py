"""The whole desk: its till, its breaker's clock, and the service whose rows it writes."""

import asyncio
from dataclasses import dataclass, field

import pytest

from roadbike.kit.resilience.breaker import FEWEST_CALLS, breaker
from roadbike.kit.resilience.deadline import new_deadline
from roadbike.kit.resilience.limiter import Limiter
from roadbike.reservation.api import render
from roadbike.reservation.payments import Payments
from roadbike.reservation.use_cases.reserve import (
    DEADLINE_MS,
    Desk,
    Order,
    PaymentUnavailable,
    Receipt,
)
from tests.reservation import till as tills
from tests.reservation.counter import Counter
from tests.reservation.things import TERMS, an_order, bike_told
from tests.reservation.till import Till


@dataclass
class Clock:
    """Of the breaker; it stands still unless it is moved."""

    now: float = 1_000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class WholeDesk:
    """A desk at work."""

    counter: Counter
    till: Till
    payments: Payments
    in_flight: int = 100
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.desk = Desk(
            self.counter.db,
            self.payments,
            limiter=Limiter(self.in_flight),
            breaker=breaker("payment", deadline_ms=DEADLINE_MS, clock=self.clock),
            terms=TERMS,
            render=render,
        )

    @property
    def breaker(self) -> str:
        return self.desk.breaker.state

    async def reserve(self, order: Order, ms: int = 5_000) -> Receipt:
        return await self.desk.reserve(order, new_deadline(ms))

    async def fail(self, times: int, error: type[Exception] = PaymentUnavailable) -> None:
        for _ in range(times):
            with pytest.raises(error):
                await self.reserve(an_order())

    async def ask_in_vain(self, name: str) -> Order:
        """An order that payment was asked for; a busy machine may be too slow even to ask."""
        asked = len(self.till.asked)
        while True:
            order = an_order(name)
            with pytest.raises(PaymentUnavailable):
                await self.reserve(order)
            if len(self.till.asked) > asked:
                return order

    async def break_(self) -> None:
        """Payment is dead until the breaker has seen it."""
        await self.counter.hear(bike_told(free=10 * FEWEST_CALLS, free_seq=2))
        self.till.behaves = tills.hangs_up
        while self.breaker == "closed":
            await self.fail(1)


async def end(running: "asyncio.Task[Receipt]") -> None:
    """Its buyer hangs up."""
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
