"""`roadbike drill hung-payment`: payment stops without ending, once for a while and once for good.

It accepts connections and answers nothing. The first time it goes on by itself, the second time
the supervisor has to notice.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from signal import SIGCONT, SIGSTOP
from typing import Final

from roadbike.kit.resilience.breaker import CLOSED, OpenCircuit
from roadbike.ops.bench.measure import reservation
from roadbike.ops.drills.answers import Answer, between, percentile
from roadbike.ops.drills.drill import Drill, Size
from roadbike.ops.drills.inside import (
    LOOK_SECONDS,
    PAYMENT,
    Breaker,
    Changed,
    home_of,
    in_time,
    pids,
    warm_up,
)
from roadbike.ops.drills.load import Call, Plan
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.running_load import RunningLoad, load
from roadbike.ops.drills.shop import DrilledShop

UNITS: Final = 10_000_000
USERS: Final = 20
PAUSE_SECONDS: Final = 0.05  # between two requests of a user
CALM_SECONDS: Final = 4.0  # before payment stops
HUNG_SECONDS: Final = 6  # the supervisor waits for ten
OPEN_WITHIN: Final = 2.0
OPEN_NEVER: Final = 20.0
CLOSED_WITHIN: Final = 10.0
CLOSED_NEVER: Final = 60.0
REFUSED_WITHIN: Final = 0.05
NEVER_SECONDS: Final = 3.0  # an answer that takes longer hangs; the gateway waits 1.9 s
RESTARTED_SECONDS: Final = 60.0
LOAD_SECONDS: Final = 550.0  # access tokens are valid for 600
OTHERS: Final = ("/stocks", "/reservations", "/myPages", "/accounts/me")
RESERVE: Final = 0  # the index of that call


class Play:
    """One playing of the drill."""

    def __init__(self, shop: DrilledShop, report: Report, size: Size) -> None:
        self.shop, self.report, self.size = shop, report, size
        self.home = home_of(shop)
        self.breaker = Breaker(self.home, shop.http)

    async def for_a_while(self, running: RunningLoad) -> None:
        """Stop payment for less than the supervisor waits, and let it go on."""
        self.shop.say("drill-hung-for-a-while", seconds=HUNG_SECONDS)
        stopped = time.monotonic()
        await self.stop_for(HUNG_SECONDS)
        went_on = time.monotonic()
        is_closed = await self.breaker.until(CLOSED, CLOSED_NEVER)
        closed = time.monotonic()
        await self.calm(running)
        changes = await self.since(stopped)
        opened = [change.at for change in changes if change.state == "open"]
        states = " → ".join(change.state for change in changes) or "–"
        self.report.check("hung-states", passed=bool(opened) and is_closed, states=states)
        if opened:
            self.in_time("opened", opened[0] - stopped, OPEN_WITHIN, OPEN_NEVER)
        self.in_time("closed", closed - went_on, CLOSED_WITHIN, CLOSED_NEVER)
        self.check_answers(running.answers, stopped, went_on)

    async def for_good(self, running: RunningLoad) -> None:
        """Stop payment and leave it to the supervisor."""
        self.shop.say("drill-hung-for-good")
        before, stopped = pids(self.home, PAYMENT), time.monotonic()
        for pid in before:
            os.kill(pid, SIGSTOP)
        is_back = await self.is_restarted(before)
        back = time.monotonic()
        self.report.check("restarted", passed=is_back, seconds=f"{back - stopped:.1f}")
        is_closed = is_back and await self.breaker.until(CLOSED, CLOSED_NEVER)
        self.report.check("closed-after-restart", passed=is_closed)
        if is_closed:
            self.in_time("closed", time.monotonic() - back, CLOSED_WITHIN, CLOSED_NEVER)
        await self.calm(running)
        self.report.phase("hung-for-good", of(running.answers, [RESERVE], stopped, back))

    async def stop_for(self, seconds: float) -> None:
        stopped = pids(self.home, PAYMENT)
        for pid in stopped:
            os.kill(pid, SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            for pid in stopped:
                os.kill(pid, SIGCONT)

    async def is_restarted(self, before: Sequence[int]) -> bool:
        """Return whether payment answers again from other processes within a minute."""
        end = time.monotonic() + RESTARTED_SECONDS
        while time.monotonic() < end:
            if not set(before) & set(pids(self.home, PAYMENT)):
                found = await self.shop.admin.ask("GET", "/payments?size=1")
                if found.status == 200:  # noqa: PLR2004
                    return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    async def since(self, begin: float) -> list[Changed]:
        _, changes = await self.breaker.changes()
        return [change for change in changes if change.at >= begin]

    async def calm(self, running: RunningLoad) -> None:
        await running.more(USERS * len(OTHERS))

    def in_time(self, name: str, seconds: float, wanted: float, never: float) -> None:
        in_time(self.report, self.size, f"hung-{name}", seconds, wanted=wanted, never=never)

    def check_answers(self, answers: Sequence[Answer], stopped: float, went_on: float) -> None:
        """Check that reservations were refused in time and that all else was served as before."""
        self.report.phase("hung-before", of(answers, [RESERVE], end=stopped))
        self.report.phase("hung-reserve", of(answers, [RESERVE], stopped, went_on))
        others = range(RESERVE + 1, len(OTHERS) + 1)
        before = self.report.phase("others-before", of(answers, others, end=stopped))
        during = self.report.phase("others-hung", of(answers, others, stopped, went_on))
        facts = {"share": f"{during.share:.2f}", "p99": f"{during.p99:.0f}"}
        passed = during.good == during.sent > 0
        self.report.check("others", passed=passed, **facts, was=f"{before.p99:.0f}")
        slowest = max(answer.ms for answer in answers) / 1000
        self.in_time("slowest", slowest, NEVER_SECONDS, 2 * NEVER_SECONDS)
        hung = of(answers, [RESERVE], stopped, went_on)
        refused = sorted(each.ms for each in hung if each.why == OpenCircuit.slug)
        self.report.check("hung-refusals", passed=bool(refused), count=len(refused))
        self.in_time("refused", percentile(refused, 0.99) / 1000, REFUSED_WITHIN, NEVER_SECONDS)


def of(
    answers: Sequence[Answer], calls: Sequence[int], begin: float = 0.0, end: float = float("inf")
) -> list[Answer]:
    """Return the answers to these calls in that time."""
    return [answer for answer in between(answers, begin, end) if answer.call in calls]


async def play(shop: DrilledShop, report: Report, size: Size) -> None:
    playing = Play(shop, report, size)
    bike_id = await shop.bike(UNITS)
    warmer, *buyers = await shop.buyers(1 + USERS)
    await warm_up(shop, warmer, bike_id)
    calls = [Call("POST", "/reservations", reservation(bike_id))]
    calls += [Call("GET", path) for path in OTHERS]
    plan = Plan(
        url=shop.gateway,
        calls=calls,
        tokens=[await buyer.token() for buyer in buyers],
        connections=USERS,
        seconds=LOAD_SECONDS,
        pause=PAUSE_SECONDS,
    )
    async with load(plan) as running:
        await asyncio.sleep(CALM_SECONDS)
        await playing.for_a_while(running)
        await playing.for_good(running)
        answers = await running.stop()
    shop.write_journal(plan, answers, buyers)


DRILL: Final = Drill(name="hung-payment", play=play)
