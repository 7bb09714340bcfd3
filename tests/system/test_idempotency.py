"""One key gives one reservation, however often and concurrently it is sent."""

import asyncio
import random
from collections import Counter
from http import HTTPStatus
from uuid import uuid4

import pytest

from tests.system.shop_client import Response, ShopClient

pytestmark = pytest.mark.any_stack

CONCURRENT = 1_000
PATIENCE_SECONDS = 60


async def test_a_thousand_requests_with_one_key_make_one_reservation(client: ShopClient) -> None:
    bike_id = await client.bike(units=CONCURRENT)
    buyer, key = client.buyer(direct=True), uuid4().hex

    async def request() -> Response:
        return await buyer.reserve(bike_id, Idempotency_Key=key)

    async def answered() -> Response:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = await request()
                if found.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    return found
                await asyncio.sleep(random.uniform(0.1, 1))  # noqa: S311 as Retry-After asks for

    first = await asyncio.gather(*(request() for _ in range(CONCURRENT)))
    again = await asyncio.gather(*(answered() for _ in range(CONCURRENT)))

    counted = Counter((each.status, problem(each)) for each in first)
    # 503: refused before it was read, so that nothing was done for it (kit/web/unread.py). The
    # places for what waits are bounded, also for requests whose key may have an answer already.
    assert set(counted) <= {(201, ""), (409, "in-progress"), (503, "overloaded")}, counted
    assert all("Retry-After" in each.headers for each in first if each.status == 503)
    (one,) = {each.raw for each in first if each.status == 201}
    statuses = Counter(each.status for each in again)
    assert {(each.status, each.raw) for each in again} == {(201, one)}, statuses
    await client.settle()
    for path in ("/reservations", "/payments", "/myPages"):
        assert await buyer.total(path) == 1
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == 1


def problem(response: Response) -> str:
    """Return the last part of the type of a problem document; empty without one."""
    return str(response.body.get("type", "")).rpartition("/")[2]


async def test_a_key_of_another_request_is_refused(client: ShopClient) -> None:
    buyer, key = client.buyer(), uuid4().hex
    bikes = [await client.bike(units=1), await client.bike(units=1)]

    made, other = [await buyer.reserve(bike, Idempotency_Key=key) for bike in bikes]

    assert (made.status, other.status) == (201, 422)
    assert await buyer.total("/reservations") == 1
