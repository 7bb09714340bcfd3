"""One key gives one reservation, however often and concurrently it is sent."""

import asyncio
import random
from collections import Counter
from http import HTTPStatus
from uuid import uuid4

from tests.system.shop_client import ShopClient

CONCURRENT = 1_000
PATIENCE_SECONDS = 60


async def test_a_thousand_requests_with_one_key_make_one_reservation(client: ShopClient) -> None:
    bike_id = await client.bike(units=CONCURRENT)
    buyer, key = client.buyer(direct=True), uuid4().hex

    async def request() -> tuple[int, bytes]:
        response = await buyer.reserve(bike_id, Idempotency_Key=key)
        return response.status, response.raw

    async def answered() -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = await request()
                if found[0] != HTTPStatus.SERVICE_UNAVAILABLE:
                    return found
                await asyncio.sleep(random.uniform(0.1, 1))  # noqa: S311 as Retry-After asks for

    first = await asyncio.gather(*(request() for _ in range(CONCURRENT)))
    again = await asyncio.gather(*(answered() for _ in range(CONCURRENT)))

    # the places for what waits are bounded, also for requests with the same key
    counted = Counter(status for status, _ in first)
    assert set(counted) <= {201, 409, 503}, counted
    (one,) = {raw for status, raw in first if status == 201}
    assert set(again) == {(201, one)}, Counter(status for status, _ in again)
    await client.settle()
    for path in ("/reservations", "/payments", "/myPages"):
        assert await buyer.total(path) == 1
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == 1


async def test_a_key_of_another_request_is_refused(client: ShopClient) -> None:
    buyer, key = client.buyer(), uuid4().hex
    bikes = [await client.bike(units=1), await client.bike(units=1)]

    made, other = [await buyer.reserve(bike, Idempotency_Key=key) for bike in bikes]

    assert (made.status, other.status) == (201, 422)
    assert await buyer.total("/reservations") == 1
