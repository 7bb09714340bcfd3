"""How fast staff's lists are after 100,000 purchases: `python -m tests.system.measure_lists`.

It opens a shop of its own, writes the purchases into the databases, and prints the median time of
each list through the gateway, as JSON and as a page, and how long the longest table takes.
"""

import asyncio
import re
import sqlite3
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import aiohttp
import asyncpg

from roadbike.kit.db.ids import new_id
from tests.system.real_shop import Shop, temporary_shop

PURCHASES: Final = 100_000
BUYERS: Final = 1_000
BIKES: Final = 100
REQUESTS: Final = 40
CANCELLED: Final = 10  # of so many purchases, one is
WAITING: Final = 20  # that stock has not answered
LIMIT_MS: Final = 100.0
SPREAD: Final = timedelta(minutes=2)  # between two purchases: the list goes back for 139 days
USER, BIKE, STORE = "u17", 117, "분당야탑점"
RESERVATIONS: Final = (
    "INSERT INTO reservation (reservation_id, bike_id, bike_name, user_id, user_name, store_name,"
    " reserved_at, reservation_status, price, bike_version, registered, reserve_seq, answered,"
    " shipped, delivered, row_version) VALUES ($1, $2, 'Model', $3, 'Kim', $4, $5, $6, 1000000, 1,"
    " true, $7, $8, false, false, 1)"
)
PAYMENTS: Final = (
    "INSERT INTO payment (reservation_id, payment_id, bike_id, user_id, price, payment_status,"
    " store_name, cancel_asked, expired, registered, opened_at, attempted, looks, row_version)"
    " VALUES ($1, $2, $3, $4, 1000000, $5, $7, false, false, true, $6, true, 0, 1)"
)
ATTEMPTS: Final = (
    "INSERT INTO attempt (attempt_id, reservation_id, user_id, amount, token, outcome, refund,"
    " asked_at, unanswered, check_at, row_version)"
    " VALUES ($1, $2, $3, 1000000, 'x', 'captured', $4, $5, 0, NULL, 1)"
)
REFUNDS: Final = "INSERT INTO refund (reservation_id, since) VALUES ($1, $2)"
DELIVERIES: Final = (
    "INSERT INTO delivery (reservation_id, delivery_id, bike_id, registered, allocated_bike_id,"
    " reservation_cancelled, payment_cancelled, closed, delivery_status, payment_id, paid_bike_id,"
    " paid_by, paid_price, price, user_id, user_name, zip_code, address, phone, prepared_at,"
    " delivered_at, carrier, tracking_number, store_name, row_version) VALUES (?, ?, ?, 1, ?, 0, 0,"
    " 0, ?, ?, ?, ?, 1000000, 1000000, ?, 'Kim', '03086', 'Seoul', '010-1234-5678', ?, ?, 'x', '1',"
    " ?, 1)"
)
LISTS: Final[dict[str, tuple[str, ...]]] = {
    "/reservations/all": (
        *("", "reserveStatus=예약완료", "day={day}", f"userId={USER}", f"bikeId={BIKE}"),
        *(
            f"reserveStore={STORE}",
            "slow=true",
            f"bikeId={BIKE}&day={{day}}&reserveStatus=예약취소",
        ),
    ),
    "/payments/all": (
        *("", "payStatus=결제완료", "day={day}", f"userId={USER}", f"bikeId={BIKE}", "slow=true"),
        f"reserveStore={STORE}",
    ),
    "/payments/refunds": (
        *("", "payStatus=결제취소", "day={day}", f"userId={USER}", f"bikeId={BIKE}", "slow=true"),
        f"reserveStore={STORE}",
    ),
    "/deliveries/all": (
        *("", "deliveryStatus=배송준비&oldestFirst=true", "day={day}", f"userId={USER}"),
        *(f"bikeId={BIKE}", "slow=true", f"reserveStore={STORE}"),
    ),
    "/stocks/all": ("", "q=화살", "low=true"),
}
PAGES: Final = ("/staff/reservations", "/staff/payments", "/staff/deliveries", "/staff/stock")

Purchase = tuple[Any, Any, Any, int, str, datetime, int]


def main() -> int:
    """Measure, print, and return the exit code: 1 when a list is slower than its limit."""
    with temporary_shop() as shop:
        result = shop.up()
        if result.code:
            sys.exit(result.err)
        return asyncio.run(_measure(shop))


async def _measure(shop: Shop) -> int:
    made = _purchases()
    await _write_postgres(shop, made)
    _write_sqlite(shop, made)
    token = (await shop.roadbike("token", "admin")).out.strip()
    day = f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}"
    slowest = 0.0
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(shop.address("gateway"), headers=headers) as http:
        for path, queries in LISTS.items():
            for query in queries:
                median = await _timed(partial(_get, http, f"{path}?{query.format(day=day)}"))
                slowest = max(slowest, median)
                _print(f"{path}?{query}", median)
            started = time.perf_counter()
            table = await _get(http, path, Accept="text/csv")
            seconds = time.perf_counter() - started
            sys.stdout.write(f"{path} as text/csv: {len(table):,} characters in {seconds:.1f} s\n")
    async with _desk(shop) as http:
        await _log_in(http, shop)
        for path in PAGES:
            median = await _timed(partial(_get, http, path))
            slowest = max(slowest, median)
            _print(f"page {path}", median)
    return 1 if slowest > LIMIT_MS else 0


def _print(name: str, median: float) -> None:
    sys.stdout.write(f"{name}: {median:.1f} ms at the median (at most {LIMIT_MS:g})\n")


def _purchases() -> list[Purchase]:
    now = datetime.now(UTC) - timedelta(hours=1)
    return [
        (
            *(new_id(), new_id(), new_id()),
            100 + n % BIKES,
            f"u{n % BUYERS}",
            now - n * SPREAD,
            n,
        )
        for n in range(PURCHASES)
    ]


async def _write_postgres(shop: Shop, made: list[Purchase]) -> None:
    connections = {
        name: await asyncpg.connect(_plain(shop.shop_file["databases"][name]))
        for name in ("reservation", "payment")
    }
    await connections["reservation"].executemany(
        RESERVATIONS,
        [
            (
                id_,
                bike,
                user,
                STORE,
                at,
                "예약취소" if n % 10 == 0 else "예약완료",
                n + 10**6,
                n > 20,
            )
            for id_, _, _, bike, user, at, n in made
        ],
    )
    await connections["payment"].executemany(
        PAYMENTS,
        [
            (id_, pay, bike, user, _status(n, "결제취소", "결제완료"), at, STORE)
            for id_, pay, _, bike, user, at, n in made
        ],
    )
    await connections["payment"].executemany(
        ATTEMPTS,
        [
            (new_id(), id_, user, _status(n, "done", "none"), at)
            for id_, _, _, _, user, at, n in made
        ],
    )
    await connections["payment"].executemany(
        REFUNDS, [(id_, at) for id_, _, _, _, _, at, n in made if n % CANCELLED == 0]
    )
    for connection in connections.values():
        await connection.execute("ANALYZE")
        await connection.close()


def _write_sqlite(shop: Shop, made: list[Purchase]) -> None:
    path = shop.home.path / "delivery" / "delivery.db"
    connection = sqlite3.connect(path, timeout=30)
    rows = []
    for id_, pay, parcel, bike, user, at, n in made:
        status = "배송준비" if n < 200 else "배송시작" if n < 500 else "배송완료"
        text = at.replace(tzinfo=None).isoformat(" ", "microseconds")
        sent = None if n < 200 else text
        rows.append(
            (
                *(id_.hex, parcel.hex, bike, None if n < 10 else bike, status, pay.hex, bike),
                *(user, user, text, sent, STORE),
            )
        )
    connection.executemany(DELIVERIES, rows)
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()


def _status(number: int, cancelled: str, usual: str) -> str:
    return usual if number % CANCELLED else cancelled


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "")


def _desk(shop: Shop) -> aiohttp.ClientSession:
    url = shop.address("gateway")
    own = {"Origin": url, "Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}
    return aiohttp.ClientSession(url, headers=own, cookie_jar=aiohttp.CookieJar(unsafe=True))


async def _log_in(http: aiohttp.ClientSession, shop: Shop) -> None:
    found = re.search(r'name="csrf" value="(\w+)"', await _get(http, "/login"))
    assert found is not None
    fields = {"userId": "admin", "password": shop.shop_file["logins"]["admin"], "csrf": found[1]}
    async with http.post("/login", data=fields, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()


async def _get(http: aiohttp.ClientSession, path: str, **headers: str) -> str:
    async with http.get(path, headers=headers) as answer:
        assert answer.status == 200, (path, answer.status, await answer.text())
        return await answer.text()


async def _timed(call: Callable[[], Awaitable[Any]]) -> float:
    """Return the median time of a call in ms."""
    taken = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
