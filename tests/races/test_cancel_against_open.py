"""While payment is suspended, pending reservations are cancelled before payment opens them."""

import asyncio
import os
from collections import Counter
from signal import SIGCONT, SIGSTOP

from tests.system import audit
from tests.system.retrying import order
from tests.system.shop_client import ShopClient, until

ONE_TRY = 6  # buyers who send one request; too few to open the breaker
RETRYING = 3  # buyers who repeat it with their key
CANCELLED_SECONDS = 10.0


async def test_an_open_together_with_its_cancel_leaves_nothing_to_pay(client: ShopClient) -> None:
    bike_id = await client.bike(units=ONE_TRY + RETRYING)
    one_try = [client.buyer() for _ in range(ONE_TRY)]
    retrying = [client.buyer() for _ in range(RETRYING)]
    payment = client.shop.pids["payment"]

    os.kill(payment, SIGSTOP)
    try:
        orders = asyncio.gather(*(order(buyer, bike_id) for buyer in retrying))
        responses = await asyncio.gather(*(buyer.reserve(bike_id) for buyer in one_try))
        await wait_until_some_are_cancelled(client)
    finally:
        os.kill(payment, SIGCONT)  # now it handles the opens and the cancels together

    made = await orders
    await client.settle()
    assert Counter(response.status for response in responses) == {503: ONE_TRY}
    after = await audit.read(client.shop)
    assert after.faults() == []
    assert after.registered(buyer.name for buyer in one_try) == set()
    for buyer, one in zip(retrying, made, strict=True):
        assert after.registered([buyer.name]) == {one.reserve_id}
    assert (await client.admin.get(f"/stocks/{bike_id}"))["reserveQty"] == RETRYING


async def wait_until_some_are_cancelled(client: ShopClient) -> None:
    """Wait until the number of pending reservations decreases."""
    most = 0

    async def look() -> bool:
        nonlocal most
        pending = (await client.status("reservation"))["pending"]
        most = max(most, pending)
        return bool(pending < most)

    await until(look, bool, "pending reservations are cancelled", CANCELLED_SECONDS)
