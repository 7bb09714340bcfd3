"""`roadbike drill overload`: three times as many reservations as the shop can make arrive.

What the shop makes at most is measured first, in the same run. Then requests are due at three times
that rate, whatever was answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.ops.audit.quiet import busy_after, statuses_of
from roadbike.ops.bench.measure import reservation
from roadbike.ops.drills.answers import Answer, percentile, reasons
from roadbike.ops.drills.cores import Cores, Used
from roadbike.ops.drills.drill import Drill, Size
from roadbike.ops.drills.inside import (
    QUIET_SECONDS,
    RESERVATION,
    ChangingSettings,
    home_of,
    in_time,
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
CONNECTIONS: Final = (16, 32, 64, 96)  # that measure the peak
CONNECTIONS_SMALL: Final = (32, 64)
MOST_CONNECTIONS: Final = 2_000  # of the overload
LEAST_SHARE: Final = 0.9  # of the peak, made within the deadline
LEAST_SHARE_SMALL: Final = 0.5  # five seconds on a machine with other work say less
REFUSED_MS: Final = 50.0
NEVER_SECONDS: Final = 2.0
TIMEOUT_SECONDS: Final = 4.0
DEFAULT: Final = 100  # requests in flight
SETTINGS: Final = ChangingSettings(in_flight=DEFAULT, shed_lag_ms=100)


@dataclass(frozen=True)
class Rate:
    """Reservations a second that are made in time, and the cores that were used meanwhile."""

    made: float
    cores: Used

    def share_of(self, peak: "Rate") -> float:
        """Return which share of the peak this is."""
        return self.made / peak.made if peak.made else 0.0

    def share_by_core(self, peak: "Rate") -> float:
        """Return the same for each core that was left to the shop: the load takes some of them."""
        return self.share_of(peak) * peak.cores.left / self.cores.left


class Play:
    """One playing of the drill."""

    def __init__(
        self, shop: DrilledShop, report: Report, size: Size, buyers: Sequence[Person], bike: int
    ) -> None:
        self.shop, self.report, self.size, self.buyers = shop, report, size, buyers
        # straight at the service: it is its refusing that is measured, not the gateway's speed
        self.url = shop_file.read_known(home_of(shop)).addresses[RESERVATION]
        self.calls = [Call("POST", "/reservations", reservation(bike))]

    async def peak(self) -> tuple[Rate, int]:
        """Return how many reservations a second are made in time at most, and by how many clients.

        Each client waits for its answer. How many clients are best depends on the machine.
        """
        seconds, found = self.size.of(15, 5), list[tuple[Rate, int]]()
        await self.load(CONNECTIONS[0], seconds / 2)  # it warms everything up
        for clients in CONNECTIONS_SMALL if self.size.small else CONNECTIONS:
            self.shop.say("drill-overload-peak", clients=clients)
            answers, cores = await self.load(clients, seconds)
            self.report.phase("peak", answers, clients=clients)
            found.append((Rate(in_deadline(answers) / seconds, cores), clients))
        best, clients = max(found, key=lambda each: each[0].made)
        self.report.figure("cpu", **best.cores.in_words())
        return best, clients

    async def over(self, rate: float, name: str) -> tuple[Rate, list[Answer]]:
        """Let so many a second arrive; return how many are made in time, and all answers."""
        seconds = self.size.of(20, 5)
        self.shop.say("drill-overload-over", rate=f"{rate:,.0f}", times=TIMES)
        answers, cores = await self.load(MOST_CONNECTIONS, seconds, rate)
        self.report.phase(name, answers, rate=f"{rate:,.0f}")
        made = Rate(in_deadline(answers) / seconds, cores)
        self.report.figure("cpu", **cores.in_words())
        self.report.figure(f"goodput-{name}", made=f"{made.made:,.0f}", ms=DEADLINE_MS)
        self.report.figure("not-made", reasons=reasons(answers) or "–")
        waited = percentile(sorted(each.waited for each in answers), 0.99)
        self.report.figure("load-late", ms=f"{waited:,.0f}")
        return made, answers

    async def load(
        self, connections: int, seconds: float, rate: float = 0.0
    ) -> tuple[list[Answer], Used]:
        """Return the answers and the cores that were used."""
        plan = Plan(
            url=self.url,
            calls=self.calls,
            tokens=[await buyer.token() for buyer in self.buyers],
            connections=connections,
            seconds=seconds,
            rate=rate,
            timeout=TIMEOUT_SECONDS,
        )
        cores = Cores(home_of(self.shop))
        async with load(plan) as running:
            answers = await running.ended()
        used = cores.used(running.cpu_seconds)
        self.shop.write_journal(plan, answers, self.buyers)
        return answers, used

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
    peak, clients = await playing.peak()
    report.figure("peak", peak=f"{peak.made:,.0f}", clients=clients)
    await playing.quiet()
    say_limits(report, home)
    made, answers = await playing.over(TIMES * peak.made, "over")
    check(report, size, made, peak, answers)
    await playing.quiet()
    await SETTINGS.change(shop, RESERVATION, in_flight=0, shed_lag_ms=0)
    await warm_up(shop, warmer, bike_id)
    without, _ = await playing.over(TIMES * peak.made, "unlimited")
    report.figure("contrast", limited=f"{made.made:,.0f}", unlimited=f"{without.made:,.0f}")


def check(report: Report, size: Size, made: Rate, peak: Rate, answers: Sequence[Answer]) -> None:
    """Check the rate and the refusals. What other programs take counts only if it is strict."""
    least = LEAST_SHARE if size.strict or not size.small else LEAST_SHARE_SMALL
    share, by_core = made.share_of(peak), made.share_by_core(peak)
    report.check(
        "goodput",
        passed=(share if size.strict else by_core) >= least,
        share=f"{100 * share:.0f}",
        by_core=f"{100 * by_core:.0f}",
        least=f"{100 * least:.0f}",
    )
    refused = sorted(answer.ms for answer in answers if answer.is_refusal)
    report.check("refused", passed=bool(refused), refused=len(refused))
    if refused:
        p99 = percentile(refused, 0.99) / 1000
        in_time(report, size, "refused-p99", p99, wanted=REFUSED_MS / 1000, never=NEVER_SECONDS)


def in_deadline(answers: Sequence[Answer]) -> int:
    """Return how many reservations were made within their deadline."""
    return sum(answer.is_good and answer.ms <= DEADLINE_MS for answer in answers)


DRILL: Final = Drill(
    name="overload", play=play, settings=SETTINGS.for_own_shop, after=SETTINGS.forget
)
