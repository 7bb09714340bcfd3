"""`roadbike drill breaker`: payment is late for a while; the circuit breaker opens and closes.

The loads are those of the requirements, made by the program siege.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from roadbike.kit.resilience.breaker import CLOSED
from roadbike.ops.bench.measure import reservation
from roadbike.ops.drills import siege
from roadbike.ops.drills.answers import Answer, between
from roadbike.ops.drills.drill import Drill, Size
from roadbike.ops.drills.inside import (
    PAYMENT,
    Breaker,
    Changed,
    ChangingSettings,
    home_of,
    warm_up,
)
from roadbike.ops.drills.load import Call, Plan
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.running_load import answered
from roadbike.ops.drills.shop import DrilledShop
from roadbike.ops.people import Person

UNITS: Final = 10_000_000
LEAST: Final = 99.9  # per cent of requests that succeed while payment is healthy
ORIGINAL: Final = 89  # per cent, of the Java version with delays around the limit
AROUND_THE_LIMIT: Final = (800, 1_020)  # ms that payment takes to open, of the 610 that it has
BELOW_AND_ABOVE: Final = (400, 820)
REPETITIONS: Final = "-r10"  # as the requirements write it; siege drops it beside -t
CLOSED_AGAIN_SECONDS: Final = 90.0  # it is closed within 10 s unless the machine is too busy
LATE_SECONDS: Final = 15
OPENED_AGAIN_SECONDS: Final = 15.0
PROBE_SECONDS: Final = 0.3
LONGEST_MS: Final = 5_000.0  # no answer takes longer, whatever payment does
SETTINGS: Final = ChangingSettings(open_delay_min_ms=0, open_delay_max_ms=0)
NO_DELAY: Final = (0, 0)


class Play:
    """One playing of the drill."""

    def __init__(
        self, shop: DrilledShop, report: Report, size: Size, buyer: Person, bike: int
    ) -> None:
        self.shop, self.report, self.size = shop, report, size
        self.buyer, self.bike_id, self.body = buyer, bike, reservation(bike)
        self.clients, self.seconds = size.of(100, 20), size.of(30, 24)
        self.breaker = Breaker(home_of(shop), shop.http)

    async def healthy(self) -> None:
        """Check that everybody is served while payment is well."""
        self.shop.say("drill-breaker-healthy", clients=self.clients)
        answers = await self.load(self.size.of(30, 5))
        counted = self.report.phase("before", answers, clients=self.clients)
        facts = {"share": f"{counted.share:.2f}", "least": LEAST, "original": ORIGINAL}
        self.report.check("available", passed=counted.share >= LEAST, **facts)
        timeouts = counted.late + counted.lost
        self.report.check("no-timeouts", passed=not timeouts, timeouts=timeouts)

    async def delayed(self) -> None:
        """Delay payment for half of the load, and check how the breaker changes."""
        await self.delay(AROUND_THE_LIMIT)
        _, known = await self.breaker.changes()
        self.shop.say("drill-breaker-delayed", clients=self.clients, more=REPETITIONS)
        loading = asyncio.create_task(self.load(self.seconds, REPETITIONS))
        await asyncio.sleep(self.size.of(LATE_SECONDS, 0))
        await self.until_opened_again(len(known))
        healed = time.monotonic()
        await self.delay(NO_DELAY)
        back = time.monotonic()
        answers = await loading
        await self.probe_until_closed()
        self.report.phase("during", between(answers, end=healed))
        self.report.phase("restarting", between(answers, healed, back))
        self.report.phase("after", between(answers, back))
        slowest = max(answer.ms for answer in answers)
        self.report.check("answered", passed=slowest <= LONGEST_MS, ms=f"{slowest:,.0f}")
        state, changes = await self.breaker.changes()
        self.check_changes(state, changes[len(known) :], healed)

    async def until_opened_again(self, known: int) -> None:
        """Wait until the breaker has tried once and opened again; on a busy machine that is later.

        known: its changes before.
        """
        end = time.monotonic() + OPENED_AGAIN_SECONDS
        while time.monotonic() < end:
            changes = (await self.breaker.changes())[1][known:]
            if [change.state for change in changes].count("open") > 1:
                return
            await asyncio.sleep(PROBE_SECONDS)

    def check_changes(self, state: str, changes: Sequence[Changed], healed: float) -> None:
        shown = " → ".join(f"{change.state} ({change.at - healed:+.1f} s)" for change in changes)
        states = [change.state for change in changes]
        passed = state == CLOSED and opened_again(states)
        self.report.check("states", passed=passed, states=shown or "–")

    async def throughout(self) -> None:
        """Delay payment around the limit all the time, for its figures."""
        await self.delay(BELOW_AND_ABOVE)
        self.shop.say("drill-breaker-throughout", clients=self.clients)
        answers = await self.load(self.seconds)
        low, high = BELOW_AND_ABOVE
        counted = self.report.phase("throughout", answers, low=low, high=high)
        share = f"{counted.share:.2f}"
        self.report.figure("throughout", share=share, low=low, high=high, original=ORIGINAL)
        await self.delay(NO_DELAY)
        await self.probe_until_closed()

    async def delay(self, ms: tuple[int, int]) -> None:
        low, high = ms
        self.shop.say("drill-breaker-delay", low=low, high=high)
        await SETTINGS.change(self.shop, PAYMENT, open_delay_min_ms=low, open_delay_max_ms=high)

    async def load(self, seconds: int, more: str = "") -> list[Answer]:
        token = await self.buyer.token()
        if self.size.small and not siege.is_installed():
            self.report.figure("without-siege")
            call = Call("POST", "/reservations", self.body)
            return await answered(
                Plan(
                    url=self.shop.gateway,
                    calls=[call],
                    tokens=[token],
                    connections=self.clients,
                    seconds=seconds,
                )
            )
        url = f"{self.shop.gateway}/reservations"
        asked = siege.Options(clients=self.clients, seconds=seconds, more=more)
        async with siege.siege(url, token, self.body, asked) as running:
            self.report.figure("siege", options=running.options)
            return await running.ended()

    async def probe_until_closed(self) -> None:
        """Reserve now and then until the breaker is closed: it closes by calls only."""
        end = time.monotonic() + CLOSED_AGAIN_SECONDS
        while time.monotonic() < end and (await self.breaker.changes())[0] != CLOSED:
            await self.buyer.ask("POST", "/reservations", {"bikeId": self.bike_id})
            await asyncio.sleep(PROBE_SECONDS)


def opened_again(states: Sequence[str]) -> bool:
    """Return whether it opened, tried, opened again at least once, tried and closed."""
    allowed = {("open", "half_open"), ("half_open", "open"), ("half_open", "closed")}
    one_after_another = set(pairwise(states)) - {("closed", "open")} <= allowed
    enough = states[:3] == ["open", "half_open", "open"]
    return enough and one_after_another and states[-2:] == ["half_open", "closed"]


async def play(shop: DrilledShop, report: Report, size: Size) -> None:
    home_of(shop)  # settings of its services are changed
    bike_id = await shop.bike(UNITS)
    (buyer,) = await shop.buyers(1)
    await warm_up(shop, buyer, bike_id)
    playing = Play(shop, report, size, buyer, bike_id)
    await playing.healthy()
    await playing.delayed()
    if not size.small:
        await playing.throughout()


DRILL: Final = Drill(
    name="breaker", play=play, settings=SETTINGS.for_own_shop, after=SETTINGS.forget
)
