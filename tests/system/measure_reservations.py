"""Measure what a reservation costs: `python -m tests.system.measure_reservations`.

It opens a shop of its own, lets keep-alive connections reserve without a pause, straight at the
service, and prints the rate, the response times, and the CPU time of each process of the shop per
reservation, counted until all services have settled. The rate depends on what else the machine
does; the CPU time is fairly robust against it.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from tests.recipient import RECIPIENT
from tests.system.real_shop import Shop, temporary_shop
from tests.system.shop_client import Person, ShopClient, open_client

UNITS: Final = 1_000_000
BUYERS: Final = 50
WARM_UP_SECONDS: Final = 3
SETTLE_SECONDS: Final = 120
MICROSECONDS: Final = 1e6
END_OF_HEAD: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"


@dataclass
class Answers:
    """What the connections have received. ms: how long each answer took."""

    ms: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Load:
    """Connections that reserve without a pause until the given moment of the monotonic clock."""

    url: str
    bike_id: int
    buyers: list[Person]
    keys: bool

    async def put(self, connections: int, seconds: float) -> Answers:
        end, answers = time.monotonic() + seconds, Answers()
        reserving = (self._reserve(number, end, answers) for number in range(connections))
        await asyncio.gather(*reserving)
        return answers

    async def _reserve(self, number: int, end: float, answers: Answers) -> None:
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        request = self._request(self.buyers[number % len(self.buyers)])
        while (start := time.monotonic()) < end:
            key = f"Idempotency-Key: {uuid4().hex}\r\n" if self.keys else ""
            writer.write(request.replace(b"KEY", key.encode()))
            head = await reader.readuntil(END_OF_HEAD)
            await reader.readexactly(_length(head))
            answers.ms.append((time.monotonic() - start) * 1000)
            answers.statuses[head.split(b" ", 2)[1].decode()] += 1
        writer.close()

    def _request(self, buyer: Person) -> bytes:
        body = json.dumps({"bikeId": self.bike_id, **RECIPIENT}).encode()
        head = (
            "POST /reservations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {buyer.token}\r\nContent-Length: {len(body)}\r\nKEY\r\n"
        )
        return head.encode() + body


def main() -> int:
    asked = _arguments()
    environ = {"ROADBIKE_MAX_OPEN_RESERVATIONS": "0"}
    with temporary_shop() as shop:
        result = shop.up(environ=environ)
        if result.code:
            sys.exit(result.err)
        for connections in asked.connections:
            asyncio.run(_measure(shop, connections, asked.seconds, keys=asked.keys))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="measure_reservations", description=__doc__)
    parser.add_argument("-c", "--connections", type=int, nargs="+", default=[100])
    parser.add_argument("-t", "--seconds", type=float, default=10)
    parser.add_argument("--keys", action="store_true", help="send idempotency keys")
    return parser.parse_args()


async def _measure(shop: Shop, connections: int, seconds: float, *, keys: bool) -> None:
    async with open_client(shop) as client:
        load = await _new_load(client, keys=keys)
        await load.put(connections, WARM_UP_SECONDS)
        await client.settle(SETTLE_SECONDS)
        before = cpu_seconds(shop)
        answers = await load.put(connections, seconds)
        start = time.monotonic()
        await client.settle(SETTLE_SECONDS)
        settled = time.monotonic() - start
        spent = {name: cpu - before.get(name, 0) for name, cpu in cpu_seconds(shop).items()}
    _print(connections, seconds, answers, settled, spent)


async def _new_load(client: ShopClient, *, keys: bool) -> Load:
    bike_id = await client.bike(UNITS)
    buyers = [client.buyer() for _ in range(BUYERS)]
    return Load(client.shop.address("reservation"), bike_id, buyers, keys)


def cpu_seconds(shop: Shop) -> Mapping[str, float]:
    """Return the CPU time of each part of the shop so far; of PostgreSQL, all its processes."""
    names = {pid: name for name, pid in shop.pids.items()}
    total: Counter[str] = Counter()
    for process in shop.processes():
        times = process.cpu_times()
        owners = [process, *process.parents()]
        name = next((names[one.pid] for one in owners if one.pid in names), "?")
        total[name] += times.user + times.system  # type: ignore[assignment] a Counter of floats
    return total


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.index(LENGTH) + len(LENGTH)
    return int(lower[start : lower.index(b"\r\n", start)])


def _print(
    connections: int,
    seconds: float,
    answers: Answers,
    settled: float,
    spent: Mapping[str, float],
) -> None:
    made = answers.statuses["201"]
    parts = statistics.quantiles(answers.ms, n=100)
    others = {status: n for status, n in answers.statuses.items() if status != "201"}
    each = {name: MICROSECONDS * cpu / made for name, cpu in spent.items()}
    print(  # noqa: T201 its output
        f"{connections} connections: {made / seconds:,.0f}/s, p50 {parts[49]:.1f} ms, "
        f"p99 {parts[98]:.1f} ms, other answers {others or 'none'}, settled {settled:.1f} s later; "
        f"{sum(each.values()):,.0f} µs CPU per reservation"
    )
    for name, cpu in sorted(each.items(), key=lambda item: -item[1]):
        print(f"    {name:<14}{cpu:8,.0f}")  # noqa: T201 its output


if __name__ == "__main__":
    sys.exit(main())
