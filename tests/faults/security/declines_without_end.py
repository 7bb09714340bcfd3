"""A7: a buyer tries 100 times to pay one payment with a card that is declined; measured are the
answers and how often rows of attempts were written, after 35 s too; the fault is that all are
tried and that the writes grow with the square of the tries.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import asyncpg

from roadbike.local import shop_file
from tests.faults.outcome import Outcome, run, say
from tests.faults.people import buyer, new_bike, open_shop
from tests.system.real_shop import Shop

TRIES: Final = 100
MOST_WRITES: Final = 4  # of rows of attempts for each try: it is begun, declined and looked at
LIMIT: Final = {"ROADBIKE_MAX_PAYMENT_TRIES": "5"}  # off on one machine, on in production
LOOKED_AT_AGAIN_SECONDS: Final = 35  # each declined attempt is looked at again after 20 s
WRITES: Final = "SELECT coalesce(sum(row_version), 0) FROM attempt WHERE reservation_id = $1"


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    limited, _ = declined(LIMIT, 0)
    free, written = declined({}, LOOKED_AT_AGAIN_SECONDS)
    text = (
        f"{limited} of {TRIES} tries are declined; without the limit {free}, {written} row writes"
    )
    return Outcome(limited == TRIES or written > MOST_WRITES * TRIES, text)


def declined(limit: Mapping[str, str], wait_seconds: float) -> tuple[int, int]:
    """Return how many tries were declined, and how often rows of attempts were written by then."""
    with open_shop(limit) as shop:
        customer = buyer(shop)
        reserve_id = customer.reserved(new_bike(shop, 9))
        pay_id = customer.payment_of(reserve_id)["payId"]
        statuses = Counter(customer.pay(pay_id, X_Simulate="decline").status for _ in range(TRIES))
        at_once = writes(shop, reserve_id)
        say(f"{TRIES} tries: {dict(statuses)}; {at_once} row writes")
        time.sleep(wait_seconds)
        later = writes(shop, reserve_id)
        say(f"{wait_seconds} s later: {later - at_once} more without another request")
        return statuses[402], later


def writes(shop: Shop, reserve_id: str) -> int:
    """Return how often the rows of this payment's attempts were written."""

    async def ask() -> int:
        url = shop_file.read_known(shop.home).databases["payment"].replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval(WRITES, UUID(reserve_id)))
        finally:
            await connection.close()

    return asyncio.run(ask())


if __name__ == "__main__":
    raise SystemExit(main())
