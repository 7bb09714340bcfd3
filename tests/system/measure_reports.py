"""Measure what logs and metrics cost a shop: `python -m tests.system.measure_reports`.

It opens two shops, one as it is and one whose copy of the code logs errors only and counts nothing,
and lets clients reserve at each in turn, without a pause, straight at the service. Printed are the
rates and the CPU time of all processes per reservation, until all services have settled. In the
first shop, the metrics of every service are read once in each turn, as Prometheus does.
"""

# ruff: noqa: T201  it prints its results

import argparse
import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from roadbike.ops.bench.measure import reservation
from roadbike.ops.drills.answers import tally
from roadbike.ops.drills.load import Call, Plan
from roadbike.ops.drills.running_load import answered
from tests.system.measure_reservations import cpu_seconds
from tests.system.real_shop import SERVICES, Shop, command_environment, temporary_shop
from tests.system.shop_client import ShopClient, open_client

UNITS: Final = 1_000_000
BUYERS: Final = 50
SETTLE_SECONDS: Final = 120
MICROSECONDS: Final = 1e6
LEVELS: Final = ("info", "error")
READABLE: Final = 0o755  # services may run as another user
PACKAGE: Final = Path(__file__).parents[2] / "src" / "roadbike"
# What is called for each request, call, batch of events or refusal, by file; and what stands there.
SILENCED: Final[Mapping[str, Mapping[str, str]]] = {
    "kit/web/report.py": {"report": "lambda *_: None", "note_refusal": "lambda *_: None"},
    "kit/messaging/batch_log.py": {
        "report_sent": "lambda _: None",
        "report_consumed": "lambda _: None",
    },
    "kit/metrics.py": {
        "count_request": "lambda *_: None",
        "count_refusal": "lambda _: None",
        "count_place_refused": "lambda _: None",
        "measured_call": "contextmanager(lambda *_: iter([Call()]))",
    },
}


@dataclass
class Side:
    """One of the two shops, and what was measured of it: of each turn the rate and the CPU time."""

    client: ShopClient
    reported: bool
    bike_id: int
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def turn(self, clients: int, seconds: float) -> None:
        """Reserve for so long and wait until all has settled."""
        shop, before = self.client.shop, cpu_seconds(self.client.shop)
        plan = Plan(
            url=shop.address("reservation"),
            calls=[Call("POST", "/reservations", reservation(self.bike_id))],
            tokens=[str(self.client.buyer().token) for _ in range(BUYERS)],
            connections=clients,
            seconds=seconds,
        )
        reading = asyncio.create_task(self._read_metrics(seconds / 2))
        counted = tally(await answered(plan))
        await reading
        await self.client.settle(SETTLE_SECONDS)
        after = cpu_seconds(shop)
        used = sum(after.values()) - sum(before.values())
        self.rates.append(counted.good / seconds)
        self.cpu.append(used / counted.good * MICROSECONDS)
        if counted.good != counted.sent:
            print(f"    {counted.statuses}")

    async def _read_metrics(self, after: float) -> None:
        await asyncio.sleep(after)
        for name in SERVICES if self.reported else ():
            async with self.client.http.get(f"{self.client.shop.address(name)}/metrics") as page:
                await page.read()


def main() -> int:
    asked = _arguments()
    with ExitStack() as opened:
        folder = opened.enter_context(_silent_copy())
        shops = [opened.enter_context(temporary_shop()) for _ in range(2)]
        for shop, code, level in zip(
            shops, (PACKAGE.parent, folder), ("info", "error"), strict=True
        ):
            _open(shop, code, level)
        asyncio.run(_measure(shops, asked))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="measure_reports", description=__doc__)
    parser.add_argument("-c", "--clients", type=int, default=32)
    parser.add_argument("-t", "--seconds", type=float, default=5)
    parser.add_argument("-n", "--turns", type=int, default=8)
    return parser.parse_args()


@contextmanager
def _silent_copy() -> Iterator[Path]:
    """Make a folder with a copy of the package that reports nothing."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(READABLE)
        copy = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for name, functions in SILENCED.items():
            text = (copy / name).read_text()
            for function, instead in functions.items():
                assert f"\ndef {function}(" in text, function
                text += f"\n\n{function} = {instead}\n"
            (copy / name).write_text(text)
        yield Path(folder)


def _open(shop: Shop, code: Path, level: str) -> None:
    """Open the shop with the code in that folder: Python looks there first."""
    environ = {"ROADBIKE_LOG_LEVEL": level, "ROADBIKE_MAX_OPEN_RESERVATIONS": "0"}
    options = ("--detach", "--home", str(shop.home.path), "--port-base", str(shop.base))
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "roadbike", "up", *options],
        env=command_environment(environ),
        capture_output=True,
        text=True,
        cwd=code,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)


async def _measure(shops: Sequence[Shop], asked: argparse.Namespace) -> None:
    async with AsyncExitStack() as opened:
        sides = []
        for shop, reported in zip(shops, (True, False), strict=True):
            client = await opened.enter_async_context(open_client(shop))
            sides.append(Side(client, reported, await client.bike(UNITS)))
            await _check(sides[-1])
        for side in sides:
            await side.turn(asked.clients, asked.seconds)  # it warms everything up
            side.rates.clear()
            side.cpu.clear()
        for number in range(asked.turns):
            for side in sides if number % 2 else sides[::-1]:
                await side.turn(asked.clients, asked.seconds)
            print("  ".join(f"{side.rates[-1]:,.0f}/s {side.cpu[-1]:,.0f} µs" for side in sides))
    _print(*sides)


async def _check(side: Side) -> None:
    """Check that this shop reports, or does not: else something else would be compared."""
    url = side.client.shop.address("stock")
    async with side.client.http.get(f"{url}/metrics") as page:
        counts = 'route="/stocks"' in await page.text()
    assert counts == side.reported, url
    log = side.client.shop.home.log("stock").read_text()
    assert ("http.request" in log) == side.reported, url


def _print(reported: Side, silent: Side) -> None:
    for name, of in (("with", reported), ("without", silent)):
        rate, cpu = statistics.median(of.rates), statistics.median(of.cpu)
        print(f"{name} logs and metrics: {rate:,.0f}/s, {cpu:,.0f} µs CPU per reservation, medians")
    rates = [mine / other for mine, other in zip(reported.rates, silent.rates, strict=True)]
    cpus = [mine / other for mine, other in zip(reported.cpu, silent.cpu, strict=True)]
    slower, dearer = 1 - statistics.median(rates), statistics.median(cpus) - 1
    print(
        f"they cost {100 * slower:.1f} % of the rate, {100 * dearer:.1f} % of CPU, medians of pairs"
    )


if __name__ == "__main__":
    sys.exit(main())
