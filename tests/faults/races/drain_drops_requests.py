"""Races 12: 30 keep-alive clients ask stock without a pause while `roadbike stop` ends it, three
times; measured is how many of their connections are closed without a `Connection: close` in the
last answer, and how many requests get no answer for that reason; the fault is at least one such
connection.
"""

import asyncio
from collections import Counter
from typing import Final

from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import address, open_shop
from tests.system.real_shop import Shop

CLIENTS: Final = 30
STOPS: Final = 3
REQUEST: Final = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
PAUSE_SECONDS: Final = 0.002


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    counted: Counter[str] = Counter()
    with open_shop() as shop:
        for number in range(STOPS):
            one = await one_stop(shop)
            say(f"stop {number + 1}: {dict(one)}")
            if not one["answered"]:
                raise CannotTry("nothing was answered before the stop")
            counted += one
    cut = counted["closed while idle"] + counted["dropped"]
    text = f"in {STOPS} stops {cut} of {STOPS * CLIENTS} connections end without notice"
    return Outcome(cut > 0, f"{text}, {counted['dropped']} requests get no answer")


async def one_stop(shop: Shop) -> Counter[str]:
    counted: Counter[str] = Counter()
    over = asyncio.Event()
    clients = [asyncio.create_task(client(shop, counted, over)) for _ in range(CLIENTS)]
    await asyncio.sleep(1)
    await shop.roadbike_ok("stop", "stock")
    over.set()
    await asyncio.gather(*clients)
    await shop.roadbike_ok("start", "stock")
    return counted


async def client(shop: Shop, counted: Counter[str], over: asyncio.Event) -> None:
    """Send requests on one connection after the other; check first whether it was closed."""
    while not over.is_set():
        try:
            reader, writer = await asyncio.open_connection(*address(shop, "stock"))
        except OSError:
            counted["refused"] += 1  # the port is closed: nothing was sent
            return
        try:
            await ask_on(reader, writer, counted, over)
        except (OSError, asyncio.IncompleteReadError):
            counted["dropped"] += 1
        finally:
            writer.close()


async def ask_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    counted: Counter[str],
    over: asyncio.Event,
) -> None:
    """Ask until the connection is closed; raise when a request gets no answer."""
    while not over.is_set():
        if reader.at_eof():
            counted["closed while idle"] += 1
            return
        writer.write(REQUEST)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(length_of(head))
        counted["answered"] += 1
        if b"connection: close" in head:
            counted["asked to close"] += 1
            return
        await asyncio.sleep(PAUSE_SECONDS)


def length_of(head: bytes) -> int:
    lines = head.split(b"\r\n")
    return int(next(line for line in lines if line.startswith(b"content-length")).split(b":")[1])


if __name__ == "__main__":
    raise SystemExit(main())
