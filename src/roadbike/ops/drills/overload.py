"""`roadbike drill overload`: three times as many reservations as the shop can make arrive.

What the shop makes at most is measured first, in the same run. Then requests are due at three times
that rate, whatever was answered.
"""

import time
from collections.abc import Sequence
from typing import Final

from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.ops.audit.quiet import busy_after, statuses_of
from roadbike.ops.bench.measure import reservation
from roadbike.ops.drills.answers import Answer, reasons
from roadbike.ops.drills.drill import Drill, Size
from roadbike.ops.drills.inside import (
    QUIET_SECONDS,
    RESERVATION,
    ChangingSettings,
    cpu_seconds,
    home_of,
    in_time,
    pids,
    say_limits,
    warm_up,
)
from roadbike.ops.drills.load import Call, Plan
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.running_load import load
from roadbike.ops.drills.shop import DrilledShop
from roadbike.ops.people import Person
from roadbike.reservation.payments import DEADLINE_MS

UNITS: Final = 10_000_000
BUYERS: Final = 20
TIMES: Final = 3
CONNECTIONS: Final = (16, 32, 64)  # that measure the peak
MOST_CONNECTIONS: Final = 2_000  # of the overload
LEAST_SHARE: Final = 0.9  # of the peak, made within the deadline
LEAST_SHARE_SMALL: Final = 0.5  # five seconds on a machine with other work say less
REFUSED_MS: Final = 50.0
NEVER_SECONDS: Final = 2.0
TIMEOUT_SECONDS: Final = 4.0
ROOM: Final = 0.6  # of the deadline that requests in flight may take together
DEFAULT: Final = 200  # requests in flight
UNLIMITED: Final = 10_000
SETTINGS: Final = ChangingSettings(in_flight=DEFAULT, shed_lag_ms=100)


class Play:
    """One playing of the drill."""

    def __init__(
        self, shop: DrilledShop, report: Report, size: Size, buyers: Sequence[Person], bike: int
    ) -> None:
        self.shop, self.report, self.size, self.buyers = shop, report, size, buyers
        # straight at the service: it is its refusing that is measured, not the gateway's speed
        self.url = shop_file.read_known(home_of(shop)).addresses[RESERVATION]
        self.calls = [Call("POST", "/reservations", reservation(bike))]

    async def peak(self) -> tuple[float, int]:
        """Return how many reservations a second are made in time at most, and by how many clients.

        Each client waits for its answer. How many clients are best depends on the machine.
        """
        seconds, best = self.size.of(15, 5), (0.0, CONNECTIONS[0])
        await self.load(CONNECTIONS[0], seconds / 2)  # it warms everything up
        for clients in CONNECTIONS:
            self.shop.say("drill-overload-peak", clients=clients)
            answers = await self.load(clients, seconds)
            self.report.phase("peak", answers, clients=clients)
            best = max(best, (in_deadline(answers) / seconds, clients))
        return best

    async def over(self, rate: float, name: str) -> tuple[float, list[Answer]]:
        """Let so many a second arrive; return how many are made in time, and all answers."""
        seconds = self.size.of(20, 5)
        self.shop.say("drill-overload-over", rate=f"{rate:,.0f}", times=TIMES)
        answers = await self.load(MOST_CONNECTIONS, seconds, rate)
        self.report.phase(name, answers, rate=f"{rate:,.0f}")
        made = in_deadline(answers) / seconds
        self.report.figure(f"goodput-{name}", made=f"{made:,.0f}", ms=DEADLINE_MS)
        self.report.figure("not-made", reasons=reasons(answers) or "–")
        return made, answers

    async def load(self, connections: int, seconds: float, rate: float = 0.0) -> list[Answer]:
        plan = Plan(
            url=self.url,
            calls=self.calls,
            tokens=[await buyer.token() for buyer in self.buyers],
            connections=connections,
            seconds=seconds,
            rate=rate,
            timeout=TIMEOUT_SECONDS,
        )
        pids_of_service, began = pids(home_of(self.shop), RESERVATION), time.monotonic()
        used = cpu_seconds(pids_of_service)
        async with load(plan) as running:
            answers = await running.ended()
        took = time.monotonic() - began
        if rate:
            service = (cpu_seconds(pids_of_service) - used) / took
            self.report.figure(
                "cpu", load=f"{running.cpu_seconds / took:.2f}", service=f"{service:.2f}"
            )
        self.shop.write_journal(plan, answers, self.buyers)
        return answers

    async def quiet(self) -> None:
        """Wait until the services have nothing left to do. Raises CommandError."""
        known = shop_file.read_known(home_of(self.shop))
        if busy := await busy_after(statuses_of(known), QUIET_SECONDS):
            raise CommandError("drill-not-quiet", busy=busy)


async def play(shop: DrilledShop, report: Report, size: Size) -> None:
    home = home_of(shop)
    bike_id = await shop.bike(UNITS)
    warmer, *buyers = await shop.buyers(1 + BUYERS)
    await warm_up(shop, warmer, bike_id)
    playing = Play(shop, report, size, buyers, bike_id)
    try:
        peak, clients = await playing.peak()
        await playing.quiet()
        places = min(fitting(peak), clients)
        report.figure("places", places=places, peak=f"{peak:,.0f}", clients=clients)
        await SETTINGS.change(shop, RESERVATION, in_flight=places)
        await warm_up(shop, warmer, bike_id)
        say_limits(report, home)
        made, answers = await playing.over(TIMES * peak, "over")
        check(report, size, made / peak if peak else 0.0, answers)
        await playing.quiet()
        await SETTINGS.change(shop, RESERVATION, in_flight=UNLIMITED, shed_lag_ms=0)
        await warm_up(shop, warmer, bike_id)
        without, _ = await playing.over(TIMES * peak, "unlimited")
        report.figure("contrast", limited=f"{made:,.0f}", unlimited=f"{without:,.0f}")
    finally:
        SETTINGS.forget()


def check(report: Report, size: Size, share: float, answers: Sequence[Answer]) -> None:
    least = LEAST_SHARE_SMALL if size.small else LEAST_SHARE
    report.check(
        "goodput", passed=share >= least, share=f"{100 * share:.0f}", least=f"{100 * least:.0f}"
    )
    refused = sorted(answer.ms for answer in answers if answer.is_refusal)
    report.check("refused", passed=bool(refused), refused=len(refused))
    if refused:
        p99 = refused[int(len(refused) * 0.99)] / 1000
        in_time(report, size, "refused-p99", p99, wanted=REFUSED_MS / 1000, never=NEVER_SECONDS)


def in_deadline(answers: Sequence[Answer]) -> int:
    """Return how many reservations were made within their deadline."""
    return sum(answer.is_good and answer.ms <= DEADLINE_MS for answer in answers)


def fitting(peak: float) -> int:
    """Return how many requests in flight fit a shop that makes so many a second (Little's law)."""
    return max(1, min(DEFAULT, round(ROOM * DEADLINE_MS / 1000 * peak)))


DRILL: Final = Drill(name="overload", play=play, settings=SETTINGS.for_own_shop)
