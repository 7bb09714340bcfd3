"""`roadbike drill restart`: every service is restarted under load, and no request fails.

Each service has two replicas, and they are restarted one after the other.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from roadbike.local.errors import CommandError
from roadbike.local.services import SERVICES
from roadbike.ops.bench.measure import reservation
from roadbike.ops.drills.answers import Answer, between, reasons
from roadbike.ops.drills.drill import Drill, Size
from roadbike.ops.drills.inside import warm_up
from roadbike.ops.drills.load import Call, Plan
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.running_load import RunningLoad, load
from roadbike.ops.drills.shop import DrilledShop

NAMES: Final = tuple(spec.name for spec in SERVICES)
USERS: Final = (1, 30)
REPLICAS: Final = 2
UNITS: Final = 1_000_000
LONGEST_SECONDS: Final = 550.0  # access tokens are valid for 600
PAUSE_SECONDS: Final = 0.2  # between two requests of a user: the drill is no overload
LEAST: Final = 10_000  # requests that must not fail, of 30 users; a small drill sends fewer
BETWEEN: Final = 5  # requests of each user between two restarts

Span = tuple[float, float]  # begin and end, by the monotonic clock


async def play(shop: DrilledShop, report: Report, size: Size) -> None:
    bike_id = await shop.bike(UNITS)
    warmer, *buyers = await shop.buyers(1 + max(USERS))
    await warm_up(shop, warmer, bike_id)
    tokens = [await buyer.token() for buyer in buyers]
    for users in USERS[-1:] if size.small else USERS:
        shop.say("drill-restarting-at", users=users)
        plan = _plan(shop, bike_id, tokens[:users])
        answers, spans = await _restart_all(shop, plan, size)
        shop.write_journal(plan, answers, buyers)
        counted = report.phase("users", answers, users=users)
        for service, (begin, end) in spans.items():
            report.phase("restart", between(answers, begin, end), service=service)
        for path, failed in _failures(plan, answers).items():
            ms = f"{max(each.ms for each in failed):,.0f}"
            report.figure("failures-of", path=path, users=users, statuses=reasons(failed), ms=ms)
        facts = {"users": users, "share": f"{counted.share:.2f}", "sent": counted.sent}
        report.check("all-answered", passed=counted.good == counted.sent, **facts)
    await shop.withdraw(bike_id)


async def _restart_all(
    shop: DrilledShop, plan: Plan, size: Size
) -> tuple[Sequence[Answer], Mapping[str, Span]]:
    """Return the answers, and when each service was restarted.

    Raises CommandError when requests fail before that: then no failure says anything.
    """
    spans: dict[str, Span] = {}
    async with load(plan) as running:
        await _some_more(running, plan)
        if failed := [each for each in running.answers if not each.is_good]:
            raise CommandError("drill-not-calm", reasons=reasons(failed))
        for service in NAMES:
            shop.say("drill-restarting", service=service)
            begin = time.monotonic()
            await shop.restart(service)
            await _some_more(running, plan)
            spans[service] = begin, time.monotonic()
        if (
            plan.connections == max(USERS)
            and (left := size.of(LEAST, 0) - len(running.answers)) > 0
        ):
            await running.more(left)
        return await running.stop(), spans


async def _some_more(running: RunningLoad, plan: Plan) -> None:
    await running.more(BETWEEN * plan.connections + len(plan.calls))


def _plan(shop: DrilledShop, bike_id: int, tokens: list[str]) -> Plan:
    """Each call is of another service; the reservation needs payment, too."""
    reads = ("/stocks", "/payments", "/deliveries", "/myPages", "/accounts/me", "/")
    return Plan(
        url=shop.gateway,
        calls=[
            Call("POST", "/reservations", reservation(bike_id)),
            *(Call("GET", path) for path in reads),
        ],
        tokens=tokens,
        connections=len(tokens),
        seconds=LONGEST_SECONDS,
        pause=PAUSE_SECONDS,
    )


def _failures(plan: Plan, answers: Sequence[Answer]) -> Mapping[str, list[Answer]]:
    """Return the requests that failed, by path."""
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        if not answer.is_good:
            found.setdefault(plan.calls[answer.call].path, []).append(answer)
    return found


DRILL: Final = Drill(name="restart", play=play, replicas=dict.fromkeys(NAMES, REPLICAS))
