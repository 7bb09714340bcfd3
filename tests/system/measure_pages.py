"""How fast the pages are, and what their viewers cost: `python -m tests.system.measure_pages`.

It opens a shop of its own with 10,000 bikes and 10,000 purchases of one buyer, which are written to
the databases, and prints one line for each figure of docs/reliability.md. With `catalogue`, only
what it costs to keep the storefront's copy of the catalogue.
"""

import asyncio
import re
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import asyncpg
import msgspec
import psutil

from roadbike.kit.db.ids import new_id
from roadbike.local.jobs import demo_data
from tests.browser.visitors import ADDRESS, PASSWORD
from tests.system.real_shop import Shop, temporary_shop

BIKES: Final = 10_000
SIZES: Final = 4
PURCHASES: Final = 10_000
VIEWERS: Final = 1_000
REQUESTS: Final = 60
EVENTS: Final = 20
FILES: Final = 8_192
BUYER: Final = "measured"
MEGABYTE: Final = 1024**2
SETTLE_SECONDS: Final = 3.0  # for the memory of what is still being answered
KEPT_SECONDS: Final = 20
KEEPERS: Final = ("storefront", "reservation", "stock")
CHANGE: Final = "UPDATE bike SET row_version = row_version + 1 WHERE bike_id = 20000"
DRAWN: Final = next(demo_data.bikes())["geometry"]


class Busy(Exception):
    """The shop answered that it is too busy."""


def main() -> int:
    """Measure, print, and return the exit code: 1 when a figure is over its limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(FILES, hard)), hard))
    with temporary_shop() as shop:
        result = shop.up()
        if result.code:
            sys.exit(result.err)
        only_catalogue = sys.argv[1:] == ["catalogue"]
        return asyncio.run(_measure_catalogue(shop) if only_catalogue else _measure(shop))


async def _measure_catalogue(shop: Shop) -> int:
    async with _buyer(shop) as http:
        await _write_bikes(shop)
        await _until_home_has(http, BIKES // SIZES)
        await asyncio.sleep(SETTLE_SECONDS)
        await _keep_figures(shop, http)
    return 0


async def _keep_figures(shop: Shop, http: aiohttp.ClientSession) -> None:
    for is_changing, name in ((False, "none of them changes"), (True, "one changes each second")):
        cpu = await _kept_cpu(shop, http, is_changing=is_changing)
        title = f"the copy of {BIKES:,} bikes, {name}: CPU of storefront, reservation and stock"
        _figure(title, cpu, None, "ms a second")


async def _kept_cpu(shop: Shop, http: aiohttp.ClientSession, *, is_changing: bool) -> float:
    """Return the CPU milliseconds a second while the home page is asked for once a second."""
    url = shop.shop_file["databases"]["reservation"].replace("+asyncpg", "")
    reservation = await asyncpg.connect(url)
    processes = [psutil.Process(shop.pids[name]) for name in KEEPERS]
    started, before = time.perf_counter(), _cpu(processes)
    for _ in range(KEPT_SECONDS):
        if is_changing:
            await reservation.execute(CHANGE)
        await _get(http, "/?q=none-of-them")
        await asyncio.sleep(1)
    cpu, seconds = _cpu(processes) - before, time.perf_counter() - started
    await reservation.close()
    return cpu * 1000 / seconds


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


async def _measure(shop: Shop) -> int:
    async with _buyer(shop) as http:
        latencies = await _event_latencies(http)
        await _write_bikes(shop)
        await _write_purchases(shop)
        await _until_home_has(http, BIKES // SIZES)
        home, home_cpu = await _timed(shop, lambda: _get(http, "/"))
        found, found_cpu = await _timed(shop, lambda: _get(http, "/?q=model+17&sort=price&now=1"))
        await _keep_figures(shop, http)
        mine, mine_cpu = await _timed(shop, lambda: _get(http, "/purchases"))
        grown = await _memory_of_viewers(shop, http)
    ours = grown["storefront"] + grown["mypage"]
    over = [
        _figure(f"home page, {BIKES:,} bikes, median", home, 50, "ms", home_cpu),
        _figure(f"search, {BIKES:,} bikes, median", found, 50, "ms", found_cpu),
        _figure(f"my page, {PURCHASES:,} purchases, median", mine, 100, "ms", mine_cpu),
        _figure("an event on the page after it was published, median", latencies[0], 500, "ms"),
        _figure("an event on the page after it was published, slowest", latencies[1], None, "ms"),
        _figure(f"{VIEWERS:,} viewers, storefront and my page", ours, 50, "MB"),
        _figure(f"{VIEWERS:,} viewers, gateway", grown["gateway"], None, "MB"),
    ]
    return 1 if any(over) else 0


def _figure(name: str, value: float, limit: float | None, unit: str, cpu: float = 0) -> bool:
    allowed = "" if limit is None else f" (at most {limit:g})"
    more = f"; {cpu:.1f} ms of CPU in the storefront" if cpu else ""
    sys.stdout.write(f"{name}: {value:.1f} {unit}{allowed}{more}\n")
    return limit is not None and value > limit


@asynccontextmanager
async def _buyer(shop: Shop) -> AsyncIterator[aiohttp.ClientSession]:
    """Sign up as the buyer, and yield a client with the session's cookie."""
    url = shop.address("gateway")
    own = {"Origin": url, "Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.CookieJar(unsafe=True)  # it is an address, not a name
    async with aiohttp.ClientSession(url, connector=connector, headers=own, cookie_jar=jar) as http:
        account = {"userId": BUYER, "userNm": "Kim", "password": PASSWORD}
        await _post(http, "/signup", account)
        yield http


async def _get(http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(path) as answer:
        assert answer.status == 200, (path, answer.status)
        return await answer.text()


async def _post(http: aiohttp.ClientSession, path: str, fields: dict[str, str]) -> str:
    """Send a form, and return where it leads to."""
    found = re.search(r'name="csrf" value="(\w+)"', await _get(http, "/docs"))
    assert found is not None
    sent = fields | {"csrf": found[1]}
    async with http.post(path, data=sent, allow_redirects=False) as answer:
        if answer.status == 503:
            raise Busy
        assert answer.status == 303, (path, answer.status, await answer.text())
        return answer.headers["Location"]


async def _reserved(http: aiohttp.ClientSession, review: str) -> str:
    """Reserve, again while the shop is too busy for it, and return the path of the payment."""
    for _ in range(10):
        try:
            return await _post(http, review, {})
        except Busy:
            await asyncio.sleep(1)
    raise AssertionError("the shop is too busy")


async def _event_latencies(http: aiohttp.ClientSession) -> tuple[float, float]:
    """Return the median and the longest time in ms from an event to its step in the stream."""
    taken = []
    for _ in range(EVENTS):
        review = await _post(http, "/bikes/1", ADDRESS)
        payment = await _reserved(http, review)
        found = re.search(r'href="(/purchases/[0-9a-f-]{36})"', await _get(http, payment))
        assert found is not None
        timeout = aiohttp.ClientTimeout(total=30)
        async with http.get(f"{found[1]}/events", timeout=timeout) as stream:
            await stream.content.readuntil(b"event: facts")
            await _post(http, f"{found[1]}/cancel", {})
            async for line in stream.content:
                if b'data-id="ReservationCancelled' in line:
                    at = re.search(rb'datetime="([^"]+)"', line)
                    assert at is not None
                    published = datetime.fromisoformat(at[1].decode())
                    taken.append((datetime.now(UTC) - published) / timedelta(milliseconds=1))
                    break
    return statistics.median(taken), max(taken)


async def _timed(shop: Shop, call: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """Return the median time of a call, and the CPU time it costs in the storefront, in ms."""
    process = psutil.Process(shop.pids["storefront"])
    before, taken = sum(process.cpu_times()[:2]), []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - started) * 1000)
    cpu = sum(process.cpu_times()[:2]) - before
    return statistics.median(taken), cpu * 1000 / REQUESTS


async def _write_bikes(shop: Shop) -> None:
    numbers = range(20_000, 20_000 + BIKES)
    names = {n: f"Model {n // SIZES}" for n in numbers}
    sizes = {n: str(48 + 2 * (n % SIZES)) for n in numbers}
    now = datetime.now(UTC)
    drawn = {n: msgspec.json.encode(DRAWN | {"model": n // SIZES}).decode() for n in numbers}
    stock = await asyncpg.connect(shop.shop_file["databases"]["stock"].replace("+asyncpg", ""))
    await stock.executemany(
        "INSERT INTO bike (bike_id, bike_name, price, stock_quantity, held_quantity, brand,"
        " frame_size, withdrawn, version, free_seq, row_version, geometry)"
        " VALUES ($1, $2, 1000000, 5, 0, 'Brand', $3, false, 1, 1, 1, $4)",
        [(n, names[n], sizes[n], drawn[n]) for n in numbers],
    )
    await stock.close()
    url = shop.shop_file["databases"]["reservation"].replace("+asyncpg", "")
    reservation = await asyncpg.connect(url)
    await reservation.executemany(
        "INSERT INTO bike (bike_id, bike_name, price, brand, frame_size, on_sale, bike_version,"
        " free, free_seq, unanswered, as_of, row_version)"
        " VALUES ($1, $2, 1000000, 'Brand', $3, true, 1, 5, 1, 0, $4, 1)",
        [(n, names[n], sizes[n], now) for n in numbers],
    )
    await reservation.close()


async def _write_purchases(shop: Shop) -> None:
    mypage = await asyncpg.connect(shop.shop_file["databases"]["mypage"].replace("+asyncpg", ""))
    now = datetime.now(UTC)
    await mypage.executemany(
        "INSERT INTO purchase (reservation_id, bike_id, registered, bike_name, user_id,"
        " user_name, store_name, reserved_at, reservation_status, price, payment_id,"
        " payment_status, stock_status, reservation_version, allocation_version,"
        " payment_version, delivery_version, row_version)"
        " VALUES ($1, $2, true, 'Model', $3, 'Kim', 'Shop', $4, '예약완료', 1000000, $5,"
        " '결제예정', '배정완료', 1, 1, 1, 0, 1)",
        [
            (new_id(), 20_000 + n % BIKES, BUYER, now - timedelta(seconds=n), new_id())
            for n in range(PURCHASES)
        ],
    )
    await mypage.close()


async def _until_home_has(http: aiohttp.ClientSession, models: int) -> None:
    end = time.monotonic() + 120
    while True:
        found = re.search(r'id="found">([\d,]+) bikes', await _get(http, "/"))
        if found and int(found[1].replace(",", "")) >= models:
            return
        assert time.monotonic() < end, found
        await asyncio.sleep(0.2)


async def _memory_of_viewers(shop: Shop, http: aiohttp.ClientSession) -> dict[str, float]:
    """Return by how many MB the processes grow while VIEWERS look at purchases of their own."""
    ids = [
        id_
        for page in range(VIEWERS // 20)
        for id_ in re.findall(
            r'"/purchases/([0-9a-f-]{36})"', await _get(http, f"/purchases?page={page}")
        )
    ]
    before = _memory(shop)
    timeout = aiohttp.ClientTimeout(total=None)
    streams = []
    for id_ in ids[:VIEWERS]:
        stream = await http.get(f"/purchases/{id_}/events", timeout=timeout)
        assert stream.status == 200, stream.status
        await stream.content.readuntil(b"event: facts")
        streams.append(stream)
    await asyncio.sleep(SETTLE_SECONDS)
    assert len(streams) == VIEWERS
    after = _memory(shop)
    for stream in streams:
        stream.close()
    return {name: (after[name] - before[name]) / MEGABYTE for name in before}


def _memory(shop: Shop) -> dict[str, int]:
    return {
        name: psutil.Process(shop.pids[name]).memory_full_info().uss
        for name in ("storefront", "mypage", "gateway")
    }


if __name__ == "__main__":
    sys.exit(main())
