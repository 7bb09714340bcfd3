"""Measure what a refusal costs: python -m tests.kit.web.measure_refusals.

It serves the test app at a port, as a service is served, while a hot route refuses everybody. A
load in another process asks for that route. Printed are the microseconds of CPU of the server for
each refusal: of those that are not read, and of those that go through the app.
"""

# ruff: noqa: T201  it prints its results

import asyncio
import time
from typing import Final

import uvloop

from roadbike.kit import logs
from roadbike.kit.pure.refusals import Overloaded
from roadbike.kit.resilience.limiter import Limiter
from roadbike.ops.drills.answers import tally
from roadbike.ops.drills.load import Call, Plan
from roadbike.ops.drills.running_load import answered
from tests.kit.web.conftest import State, make_app
from tests.kit.web.measure_hot import reset
from tests.kit.web.measure_reports import errors_in_a_file
from tests.kit.web.ports import served

REQUESTS: Final = 2_000  # of one round
ROUNDS: Final = 5
USERS: Final = 20


async def main() -> None:
    logs.configure("measured", "info")
    state = reset(State())
    state.api.refusal = Overloaded(retry_after=1)
    app = make_app(state, hot=True)
    app.places.replays.places = Limiter(0, queue=0)  # the load sends keys
    ways = {"through the app": None, "unread": app.unread}
    best = dict.fromkeys(ways, 1e9)
    with errors_in_a_file():
        async with served(app) as port:
            for _ in range(ROUNDS):
                for way, app.unread in ways.items():
                    best[way] = min(best[way], await microseconds(port.number))
    for way, took in best.items():
        print(f"{way}: {took:.0f} µs of CPU for each refusal")


async def microseconds(port: int) -> float:
    """Return the CPU time of this process for one refusal."""
    plan = Plan(
        url=f"http://127.0.0.1:{port}",
        calls=[Call("POST", "/keys", '{"bikeId": 1}')],
        tokens=["buyer"],
        connections=USERS,
        seconds=60,
        at_most=REQUESTS,
    )
    began = time.process_time()
    counted = tally(await answered(plan))
    took = time.process_time() - began
    assert counted.refused == counted.sent == REQUESTS, counted
    return took / REQUESTS * 1e6


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
