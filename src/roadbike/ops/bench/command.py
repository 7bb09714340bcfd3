"""`roadbike bench`: the measurements, in turn, on one shop."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from roadbike.kit import logs
from roadbike.local import shop_file
from roadbike.local.home import Home
from roadbike.local.http import access_token
from roadbike.local.terminal import console
from roadbike.local.texts import say
from roadbike.ops import limits
from roadbike.ops.audit.shop import audit_shop
from roadbike.ops.bench import books, measure, others, report
from roadbike.ops.bench.load import Plan, Work
from roadbike.ops.bench.measure import Measured
from roadbike.ops.own_shop import own_shop
from roadbike.ops.people import Person
from roadbike.ops.stage import PRICE

UNITS: Final = 100_000_000  # of the bike that is sold: it never runs out
CONNECTIONS: Final = (1, 30, 100, 300)
USUAL_WORKERS: Final = (1, 2)  # of each of its services; the better figure counts
WRONG: Final = "bold red"
LEAST_OF_USUAL: Final = 1.5  # times the usual way; below that a measurement fails


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long and how often to measure. Seconds."""

    connections: tuple[int, ...]
    repeat: int
    warm_up: float
    seconds: float


FULL: Final = Length(connections=CONNECTIONS, repeat=3, warm_up=3, seconds=15)
QUICK: Final = Length(connections=(100,), repeat=1, warm_up=2, seconds=6)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The shop that is measured.

    bike_id: what is reserved. journal: where the load notes its requests.
    beside: the folder with the usual way, None to leave it out.
    """

    home: Home
    admin: Person
    bike_id: int
    journal: Path
    length: Length
    beside: Path | None

    def plan(self, part: str, connections: int, *, work: Work = "one", **more: str) -> Plan:
        shop = shop_file.read_known(self.home)
        token = access_token(shop.gateway, "buyer", shop.logins["buyer"])
        return Plan(
            host=str(urlsplit(shop.addresses[part]).hostname),
            port=shop.ports[part],
            connections=connections,
            warm_up=self.length.warm_up,
            seconds=self.length.seconds,
            headers={"Authorization": f"Bearer {token}"},
            work=work,
            user="buyer",
            journal=str(self.journal),
            **more,
        )

    async def reserve(self, part: str, connections: int, work: Work = "one") -> Measured:
        body = measure.reservation(self.bike_id)
        wanted = {"method": "POST", "path": "/reservations", "body": body}
        return await self.of_shop(self.plan(part, connections, work=work, **wanted))

    async def read(self, part: str, path: str) -> Measured:
        return await self.of_shop(self.plan(part, 30, path=path))

    async def of_shop(self, plan: Plan) -> Measured:
        return await measure.of_shop(self.home, self.admin, plan)

    async def usual(self, beside: Path) -> Measured:
        """Measure the usual way with its better number of workers."""
        urls = {role: await others.database(self.home, f"usual_{role}") for role in others.ROLES}
        found = [await self._usual(beside, urls, workers) for workers in USUAL_WORKERS]
        return max(found, key=lambda each: each.rate)

    async def _usual(self, beside: Path, urls: Mapping[str, str], workers: int) -> Measured:
        body = {"user_id": "buyer", "bike_id": self.bike_id, "price": PRICE}
        with others.usual_way(beside, urls, workers) as other:
            return await self._of_other(other, msgspec.json.encode(body).decode())

    async def raw(self) -> Measured:
        with others.raw_limit(await others.database(self.home, "raw_limit")) as other:
            return await self._of_other(other, measure.reservation(self.bike_id))

    async def _of_other(self, other: others.Other, body: str) -> Measured:
        plan = self.plan("reservation", 100, method="POST", path="/reservations", body=body)
        plan = msgspec.structs.replace(plan, port=other.port, journal="")
        database = shop_file.read_known(self.home).pids["postgres"]
        return await measure.of_other(other.pids, database, plan)


def bench(*, quick: bool, out: Path, beside: Path | None) -> int:
    """Measure everything on a shop of its own, and show it; return 1 when something is wrong.

    beside: the folder of the usual way. Raises CommandError when a measurement fails.
    """
    logs.configure("bench", "error")  # standard output is for the figures
    with own_shop(os.environ, "bench") as shop:
        journal = shop.path.parent / "journal.jsonl"
        results = asyncio.run(_run(shop, QUICK if quick else FULL, beside, journal))
        audited = asyncio.run(audit_shop(shop, after_quiescence=True, journals=[journal]))
    return show(results, out, list(audited.lines()))


async def _run(
    home: Home, length: Length, beside: Path | None, journal: Path
) -> dict[str, list[Measured]]:
    results: dict[str, list[Measured]] = {}
    console().print(limits.in_words(limits.limits_of(home)), highlight=False)
    async with _bench(home, length, beside, journal) as bench:
        for number in range(length.repeat):  # all cases in turn: a slow minute meets all of them
            for case, measured in _cases(bench).items():
                at = say("bench-measuring", case=say(f"bench-case-{case}"), number=number + 1)
                console().print(at, highlight=False)
                results.setdefault(case, []).append(await measured())
    return results


@asynccontextmanager
async def _bench(
    home: Home, length: Length, beside: Path | None, journal: Path
) -> AsyncIterator[Bench]:
    shop = shop_file.read_known(home)
    async with aiohttp.ClientSession() as http:
        admin = Person(http, shop.gateway, "admin", shop.logins["admin"])
        bike = {"bikeNm": "벤치 로드 54", "price": PRICE, "stockQty": UNITS, "brand": "벤치"}
        made = await admin.ask("POST", "/stocks", bike, wanted=201)
        await books.settle(home, measure.SETTLE_SECONDS)
        bike_id = made.body["bikeId"]
        yield Bench(
            home=home,
            admin=admin,
            bike_id=bike_id,
            journal=journal,
            length=length,
            beside=beside,
        )


def _cases(bench: Bench) -> dict[str, Callable[[], Awaitable[Measured]]]:
    """Return the measurements by name, in the order in which they are made."""
    cases: dict[str, Callable[[], Awaitable[Measured]]] = {}
    for count in bench.length.connections:
        cases[f"reserve-{count}"] = partial(bench.reserve, "reservation", count)
    cases["gateway-100"] = partial(bench.reserve, "gateway", 100)
    cases["purchase-30"] = partial(bench.reserve, "gateway", 30, work="purchase")
    cases["read-catalogue"] = partial(bench.read, "reservation", "/reservations/catalogue")
    cases["read-my-page"] = partial(bench.read, "mypage", "/myPages?size=20")
    if bench.beside:
        cases["usual-100"] = partial(bench.usual, bench.beside)
    cases["raw-100"] = bench.raw
    return cases


def show(results: dict[str, list[Measured]], out: Path, violated: Sequence[str] = ()) -> int:
    """Print what was found and write it into the folder; return 1 when something is wrong.

    violated: the lines of the audit that was made at the end.
    """
    report.show(results)
    ratios = report.ratios(results)
    for name, ratio in ratios.items():
        console().print(say(f"bench-ratio-{name}", ratio=f"{ratio:.2f}"), highlight=False)
    if "usual" not in ratios:
        console().print(say("bench-usual-missing"), highlight=False)
    for path in report.write(results, out):
        console().print(say("bench-written", path=path), highlight=False)
    wrong = [*faults(ratios, results), *violated]
    for fault in wrong:
        console().print(fault, style=WRONG)
    return int(bool(wrong))


def faults(ratios: Mapping[str, float], results: report.Results) -> list[str]:
    """Return what is wrong by ratios and counts: a time alone is never wrong."""
    found = [
        say("bench-failed-requests", case=say(f"bench-case-{case}"), number=failed)
        for case, runs in results.items()
        if (failed := sum(each.failed for each in runs))
    ]
    if ratios.get("usual", LEAST_OF_USUAL) < LEAST_OF_USUAL:
        found.append(say("bench-slow", ratio=f"{ratios['usual']:.1f}", least=LEAST_OF_USUAL))
    return found
