"""Races 10: 1,200 anonymous clients read /stocks at stock's own port for 20 s; measured is how
often stock's inbox, relay and timers found no database connection in time, and how long a
reservation waits for its unit; the fault is one of them that found none.
"""

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from typing import Any, Final

import aiohttp

from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import Person, buyer, new_bike, open_shop
from tests.system.real_shop import Shop

READERS: Final = 1_200
SECONDS: Final = 20
PATIENCE_SECONDS: Final = 30
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
        answers, waits = await flood(shop, customer, number)
        said = Counter(
            f"{entry['event']}: {entry.get('reason', '')}"
            for entry in entries(shop)[read_before:]
            if entry.get("event") in OWN_WORK
        )
    if not answers["200"]:
        raise CannotTry(f"the readers read nothing: {dict(answers)}")
    say(f"readers: {dict(answers)}; allocated after {', '.join(f'{w:.2f}' for w in waits)} s")
    say(f"stock's own work: {dict(said) or 'never waited'}")
    starved = said.total()
    text = f"stock's own work found no connection {starved} times ({READERS} readers)"
    return Outcome(starved > 0, text)


async def flood(shop: Shop, customer: Person, number: int) -> tuple[Counter[str], list[float]]:
    """Read for a while; return the readers' answers, and how long purchases waited meanwhile."""
    answers: Counter[str] = Counter()
    end = time.monotonic() + SECONDS
    url = f"{shop.address('stock')}/stocks?size=100"

    async def read(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < end:
            try:
                async with session.get(url) as answer:
                    await answer.read()
                    answers[str(answer.status)] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                answers[type(error).__name__] += 1

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        readers = [asyncio.create_task(read(session)) for _ in range(READERS)]
        await asyncio.sleep(2)  # until all readers have begun
        waits = await asyncio.gather(*(allocated(customer, number) for _ in range(PURCHASES)))
        await asyncio.gather(*readers)
    return answers, list(waits)


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
