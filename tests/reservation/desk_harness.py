"""A ReservationDesk under test, with a fake payment, a fake breaker clock and a real database."""

import asyncio
from dataclasses import dataclass, field

import pytest

from roadbike.kit.resilience.breaker import FEWEST_CALLS, breaker
from roadbike.kit.resilience.deadline import new_deadline
from roadbike.kit.resilience.limiter import Limiter
from roadbike.reservation.api import render
from roadbike.reservation.payments import DEADLINE_MS, Payments
from roadbike.reservation.use_cases.desk import ReservationDesk
from roadbike.reservation.use_cases.steps import PaymentUnavailable, Receipt, ReservationRequest
from tests.reservation import fake_payment
from tests.reservation.builders import TERMS, a_request, bike_changed
from tests.reservation.fake_payment import FakePayment
from tests.reservation.service_harness import ReservationHarness


@dataclass
class FakeClock:
    """The breaker's clock; it moves only when a test sets it."""

    now: float = 1_000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class DeskHarness:
    """payments: the client that the desk calls `payment` with."""

    harness: ReservationHarness
    payment: FakePayment
    payments: Payments
    in_flight: int = 100
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.desk = ReservationDesk(
            self.harness.db,
            self.payments,
            limiter=Limiter(self.in_flight),
            breaker=breaker("payment", deadline_ms=DEADLINE_MS, clock=self.clock),
            terms=TERMS,
            render=render,
        )

    @property
    def breaker(self) -> str:
        return self.desk.breaker.state

    async def reserve(self, request: ReservationRequest, ms: int = 5_000) -> Receipt:
        return await self.desk.reserve(request, new_deadline(ms))

    async def until_calls_end(self) -> None:
        """Wait until no call to payment is under way."""
        await self.desk._opening.wait_until_idle()  # noqa: SLF001 nothing else shows it

    async def fail(self, times: int, error: type[Exception] = PaymentUnavailable) -> None:
        for _ in range(times):
            with pytest.raises(error):
                await self.reserve(a_request())

    async def fail_at_payment(self, name: str) -> ReservationRequest:
        """Return a request that failed after payment was asked; a busy machine may need a few."""
        asked = len(self.payment.asked)
        while True:
            request = a_request(name)
            with pytest.raises(PaymentUnavailable):
                await self.reserve(request)
            if len(self.payment.asked) > asked:
                return request

    async def open_breaker(self) -> None:
        """Let payment fail until the breaker is open."""
        await self.harness.consume(bike_changed(free=10 * FEWEST_CALLS, free_seq=2))
        self.payment.behaviour = fake_payment.hangs_up
        while self.breaker == "closed":
            await self.fail(1)


async def hang_up(running: "asyncio.Task[Receipt]") -> None:
    """Cancel the request, as a client does that closes its connection."""
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
