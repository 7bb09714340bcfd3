"""Races 10: 1,200 anonymous clients read /stocks at stock's own port for 20 s; measured are the
slowest answer to its /livez, how often its inbox, relay and timers found no database connection in
time, and how long a reservation waits for its unit; the fault is an answer after more than 2 s, or
work that found no connection.
"""

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from math import inf
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final

import aiohttp

from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import Person, anybody, buyer, new_bike, open_shop
from tests.faults.processes import child
from tests.system.real_shop import Shop

READERS: Final = 1_200
SECONDS: Final = 20
PATIENCE_SECONDS: Final = 30
PROBE_SECONDS: Final = 0.2
MOST_SECONDS: Final = 2.0
PURCHASES: Final = 6
OWN_WORK: Final = ("inbox.waiting", "relay.waiting", "timed.waiting")


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    with open_shop() as shop:
        number = await asyncio.to_thread(new_bike, shop, 1_000)
        customer = buyer(shop)
        say(f"quiet: allocated after {await allocated(customer, number):.2f} s")
        read_before = len(entries(shop))
        slowest = await flood(shop, customer, number)
        said = Counter(
            f"{entry['event']}: {entry.get('reason', '')}"
            for entry in entries(shop)[read_before:]
            if entry.get("event") in OWN_WORK
        )
    say(f"stock's own work: {dict(said) or 'never waited'}")
    starved = said.total()
    text = f"/livez took up to {slowest:.2f} s, own work found no connection {starved} times"
    return Outcome(starved > 0 or slowest > MOST_SECONDS, text)


async def flood(shop: Shop, customer: Person, number: int) -> float:
    """Read for a while; print what readers and buyers got; return the seconds of /livez."""
    here, there = Pipe(duplex=False)
    over = asyncio.Event()
    with child(read_without_a_pause, f"{shop.address('stock')}/stocks?size=100", there):
        await asyncio.to_thread(here.recv)  # the readers have begun
        probing = asyncio.create_task(slowest_probe(anybody(shop), over))
        waits = await asyncio.gather(*(allocated(customer, number) for _ in range(PURCHASES)))
        answers: Counter[str] = await asyncio.to_thread(here.recv)
        over.set()
        say(f"readers: {dict(answers)}; allocated after {', '.join(f'{w:.2f}' for w in waits)} s")
        slowest = await probing
    if not answers["200"]:
        raise CannotTry(f"the readers read nothing: {dict(answers)}")
    return slowest


def read_without_a_pause(url: str, results: Connection) -> None:
    """Be READERS clients for SECONDS, in a process of their own; send their answers, counted."""
    results.send("begun")
    results.send(asyncio.run(read(url)))


async def read(url: str) -> Counter[str]:
    answers: Counter[str] = Counter()
    end = time.monotonic() + SECONDS

    async def one(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < end:
            try:
                async with session.get(url) as answer:
                    await answer.read()
                    answers[str(answer.status)] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                answers[type(error).__name__] += 1

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(one(session) for _ in range(READERS)))
    return answers


async def slowest_probe(person: Person, over: asyncio.Event) -> float:
    """Ask whether stock lives, again and again; return the seconds of the slowest answer."""
    slowest = 0.0
    while not over.is_set():
        began = time.monotonic()
        try:
            await asyncio.to_thread(person.ask, "GET", "/livez", service="stock")
        except OSError:
            slowest = inf  # the watchdog has killed it, as it does with a part that hangs
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(PROBE_SECONDS)
    return slowest


async def allocated(customer: Person, number: int) -> float:
    """Reserve; return the seconds until stock has given a unit, as my page shows it."""
    began = time.monotonic()
    answer = await asyncio.to_thread(customer.reserve, number)
    if answer.status != 201:
        return float("nan")
    path = f"/myPages/{answer.body['reserveId']}"
    while time.monotonic() - began < PATIENCE_SECONDS:
        page = await asyncio.to_thread(customer.ask, "GET", path)
        if page.status == 200 and page.body["stockStatus"] == "배정완료":
            return time.monotonic() - began
        await asyncio.sleep(0.1)
    return float("inf")


def entries(shop: Shop) -> list[Any]:
    """Return every line of stock's log that is an object of JSON."""
    found = []
    for line in shop.home.log("stock").read_text(errors="replace").splitlines():
        with suppress(ValueError):
            entry: Any = json.loads(line)
            if isinstance(entry, dict):
                found.append(entry)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
