"""Measure what one paid purchase leaves: python -m tests.system.measure_growth.

It opens a shop, makes 400 purchases, and prints the bytes by which each table has grown.
"""

# ruff: noqa: T201  it prints its results

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.faults.people import buyer, open_shop, until
from tests.faults.races.bytes_per_event import AT_ONCE, TOPICS, bike, prepared, purchase, stream
from tests.system import audit
from tests.system.real_shop import Shop

PURCHASES: Final = 400
POSTGRESQL: Final = ("stock", "reservation", "payment", "mypage")
FILES: Final = {"delivery": "delivery/delivery.db", "provider": "payment/provider.db"}
TABLES: Final = """
    SELECT relname AS name, pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables
"""
WHOLE: Final = """
    SELECT 'all tables' AS name, page_count * page_size AS bytes
    FROM pragma_page_count, pragma_page_size
"""

Sizes = dict[tuple[str, str], int]  # bytes by service and table


def main() -> None:
    with open_shop() as shop:
        number = bike(shop)
        before = asyncio.run(sizes(shop))
        parcels = {"delivery": asyncio.run(stream(shop, "delivery"))}
        customer = buyer(shop)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda _: purchase(customer, number), range(PURCHASES)))
        until(
            lambda: prepared(shop, parcels, PURCHASES), 60, "every purchase has a parcel", pause=1
        )
        after = asyncio.run(sizes(shop))
    print(f"{PURCHASES} purchases; bytes of each, with indexes:")
    grown = {key: (after[key] - before.get(key, 0)) / PURCHASES for key in after}
    for (service, table), size in sorted(grown.items(), key=lambda item: -item[1]):
        if size >= 1:
            print(f"{service:12} {table:20} {size:8.0f}")


async def sizes(shop: Shop) -> Sizes:
    found: Sizes = {}
    for service in POSTGRESQL:
        found |= {
            (service, r["name"]): r["bytes"] for r in await audit.rows_of(shop, service, TABLES)
        }
    for service, file in FILES.items():
        rows: list[dict[str, Any]] = audit.file_rows_of(shop, file, WHOLE)
        found |= {(service, row["name"]): row["bytes"] for row in rows}
    for topic in TOPICS:
        found["nats", f"bike.{topic}"] = (await stream(shop, topic))["state"]["bytes"]
    return found


if __name__ == "__main__":
    main()
