"""One measurement: load for some seconds, then the wait until all is settled, then the count."""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from roadbike.local import shop_file
from roadbike.local.commands import usage
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.ops.bench import books
from roadbike.ops.bench.load import Loaded, Plan
from roadbike.ops.people import Person
from roadbike.ops.stage import PRICE, RECIPIENT

SETTLE_SECONDS: Final = 120.0
LOAD: Final = (sys.executable, "-m", "roadbike.ops.bench.load")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one measurement found.

    cpu: microseconds of CPU for each piece of work that was done, by part, until all was settled.
    settled: seconds from the end of the load until nothing was left to do.
    """

    rate: float
    p50: float
    p95: float
    p99: float
    failed: int
    statuses: dict[str, int]
    done: int
    cpu: dict[str, float]
    generator: float
    settled: float = 0.0

    @property
    def cpu_in_all(self) -> float:
        return sum(self.cpu.values())


async def run(plan: Plan) -> Loaded:
    """Run the load in a process of its own. Raises CommandError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *LOAD, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    out, _ = await process.communicate(msgspec.json.encode(plan))
    if process.returncode:
        raise CommandError("bench-load-failed", path=plan.path)
    return msgspec.json.decode(out, type=Loaded)


async def of_shop(home: Home, admin: Person, plan: Plan) -> Measured:
    """Measure the shop. Raises CommandError when it has not made what it has acknowledged."""
    pids = dict(shop_file.read_known(home).pids)
    del pids["supervisor"]  # the other parts are its children, and would count twice
    before, used = await books.reservations(admin), usage.cpu_seconds(pids)
    loaded = await run(plan)
    settled = await books.settle(home, SETTLE_SECONDS)
    spent = usage.cpu_seconds(pids)
    if plan.method == "POST":
        books.check(loaded, await books.reservations(admin) - before)
    return _measured(loaded, {name: spent[name] - used[name] for name in pids}, settled)


async def of_other(pids: Mapping[str, int], database: int, plan: Plan) -> Measured:
    """Measure a program that is not the shop. database: the process id of its PostgreSQL."""
    of_all = {**pids, "postgres": database}
    used = usage.cpu_seconds(of_all)
    loaded = await run(plan)
    spent = usage.cpu_seconds(of_all)
    return _measured(loaded, {name: spent[name] - used[name] for name in of_all}, 0.0)


def _measured(loaded: Loaded, seconds: Mapping[str, float], settled: float) -> Measured:
    done = max(1, loaded.done_in_all)
    return Measured(
        rate=loaded.rate,
        p50=loaded.p50,
        p95=loaded.p95,
        p99=loaded.p99,
        failed=loaded.failed,
        statuses=loaded.statuses,
        done=loaded.done_in_all,
        cpu={name: each / done * 1e6 for name, each in seconds.items()},
        generator=loaded.cpu / done * 1e6,
        settled=settled,
    )


def reservation(bike_id: int) -> str:
    """Return the body of a request that reserves that bike."""
    return msgspec.json.encode({"bikeId": bike_id, "price": PRICE, **RECIPIENT}).decode()
