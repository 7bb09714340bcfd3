"""Put load on a shop with the program siege, then check it: `python -m tests.system.siege`."""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

import psutil
from rich.table import Table

from roadbike.local.terminal import console
from tests.system.real_shop import Shop, temporary_shop
from tests.system.shop_client import ShopClient, open_client

BIKE: Final = 1
UNITS: Final = 1_000_000
ORDER: Final = (
    '{"reserveId":1,"bikeId":1,"bikeNm":"TREK Emonda","reserveStatus":"예약완료","price":5100000}'
)
SETTLE_SECONDS: Final = 300
MOST_CLIENTS: Final = 255  # siege's own limit, unless its settings set another
# The requests are made with siege's defaults; its output is JSON, and it writes no log file.
SETTINGS: Final = """verbose = false
color = off
quiet = true
json_output = true
show-logfile = false
logging = false
limit = {limit}
protocol = HTTP/1.1
chunked = true
cache = false
connection = close
delay = 0.0
internet = false
benchmark = false
accept-encoding = gzip, deflate
url-escaping = true
unique = true
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """The totals of the lists, as staff see them, and the units held of the bike."""

    reservations: int
    payments: int
    my_pages: int
    held: int

    def since(self, before: "Counts") -> dict[str, int]:
        return {
            "reservations": self.reservations - before.reservations,
            "payments": self.payments - before.payments,
            "my pages": self.my_pages - before.my_pages,
            "reserveQty": self.held - before.held,
        }


def main() -> int:
    asked = _arguments()
    if shutil.which("siege") is None:
        sys.exit("siege is not on the PATH: install it first (Debian, Ubuntu: apt install siege)")
    with temporary_shop() as shop:
        result = shop.up()
        if result.code:
            sys.exit(result.err)
        return asyncio.run(_load_and_check(shop, asked.clients, asked.seconds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="siege", description=__doc__)
    parser.add_argument("-c", "--clients", type=int, default=30)
    parser.add_argument("-t", "--seconds", type=int, default=30)
    return parser.parse_args()


async def _load_and_check(shop: Shop, clients: int, seconds: int) -> int:
    async with open_client(shop) as client:
        await _add_units(client)
        before = await _counts(client)
        token = (await shop.roadbike("token", "buyer")).out.strip()
        found = await asyncio.to_thread(_siege, shop, token, clients, seconds)
        memory = _memory(shop)
        start = time.monotonic()
        await client.settle(SETTLE_SECONDS)
        settled = time.monotonic() - start
        grown = (await _counts(client)).since(before)
    _show(found, grown, settled, memory)
    faults = _faults(found, grown, clients)
    for fault in faults:
        console().print(fault, style="bold red")
    return 1 if faults else 0


async def _add_units(client: ShopClient) -> None:
    path = f"/stocks/{BIKE}"
    bike = await client.nobody.request("GET", path)
    more = {"stockQty": UNITS}
    filled = await client.admin.request("PATCH", path, more, If_Match=bike.headers["ETag"])
    assert filled.status == 200, filled
    await client.settle()


async def _counts(client: ShopClient) -> Counts:
    admin = client.admin
    return Counts(
        await admin.total("/reservations"),
        await admin.total("/payments"),
        await admin.total("/myPages"),
        (await admin.get(f"/stocks/{BIKE}"))["reserveQty"],
    )


def _siege(shop: Shop, token: str, clients: int, seconds: int) -> dict[str, Any]:
    """Run siege and return its results."""
    settings = shop.home.path.parent / "siegerc"
    settings.write_text(SETTINGS.format(limit=max(clients, MOST_CLIENTS)))
    done = subprocess.run(  # noqa: S603  a program that the user asked for
        [
            str(shutil.which("siege")),
            *(f"--rc={settings}", f"-c{clients}", f"-t{seconds}S"),
            *("--content-type", "application/json", "-H", f"Authorization: Bearer {token}"),
            f"{shop.address('reservation')}/reservations POST {ORDER}",
        ],
        env={"HOME": str(settings.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: dict[str, Any] = json.loads(done.stdout[done.stdout.find("{") :])
    except ValueError:
        sys.exit(f"siege wrote no results:\n{done.stdout}{done.stderr}")
    return found


def _memory(shop: Shop) -> dict[str, float]:
    """Megabytes (PSS) by part, its children included; other processes are one more entry."""
    parts = {pid: name for name, pid in shop.pids.items()}
    memory: dict[str, float] = {}
    for process in shop.processes():
        line = [process, *process.parents()]
        named = (parts[one.pid] for one in line if one.pid in parts)
        owner = next(named)
        if owner == "supervisor" and process.pid not in parts:
            owner = "wardens and the forkserver"
        memory[owner] = memory.get(owner, 0) + _proportional(process)
    return memory


def _proportional(process: psutil.Process) -> float:
    try:
        about = process.memory_full_info()
    except psutil.Error:
        return 0
    return float(getattr(about, "pss", about.rss)) / 1024**2


def _show(
    found: dict[str, Any], grown: dict[str, int], settled: float, memory: dict[str, float]
) -> None:
    table = Table("", "", box=None, show_header=False, pad_edge=False)
    table.add_row("transactions", f"{found['transactions']:,}")
    table.add_row("availability", f"{found['availability']:.2f} %")
    table.add_row("rate", f"{found['transaction_rate']:,.0f} /s")
    table.add_row("response time", f"{found['response_time'] * 1000:.0f} ms")
    table.add_row("longest", f"{found['longest_transaction'] * 1000:.0f} ms")
    for name, number in grown.items():
        table.add_row(f"more {name}", f"{number:,}")
    table.add_row("settled after", f"{settled:.1f} s")
    for name, size in sorted(memory.items(), key=lambda item: -item[1]):
        table.add_row(f"memory of {name}", f"{size:.0f} MB")
    table.add_row("memory in all", f"{sum(memory.values()):.0f} MB")
    console().print(table)


def _faults(found: dict[str, Any], grown: dict[str, int], clients: int) -> list[str]:
    answered = found["transactions"]
    faults = []
    if found["availability"] != 100 or found["failed_transactions"]:
        faults.append(
            f"{found['availability']} % available, {found['failed_transactions']} requests failed"
        )
    if len(set(grown.values())) != 1:
        faults.append(f"the totals differ: {grown}")
    if not all(answered <= number <= answered + clients for number in grown.values()):
        # siege cuts the requests that run at its end: they may have been carried out
        faults.append(f"siege counts {answered}, the shop {grown}")
    if not answered:
        faults.append("no request was answered")
    return faults


if __name__ == "__main__":
    sys.exit(main())
