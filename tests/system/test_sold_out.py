"""No unit is sold twice."""

import asyncio
from collections import Counter

import pytest

from tests.system.shop_client import Person, Response, ShopClient, until

pytestmark = pytest.mark.any_stack

BUYERS = 200
UNITS = 50
IN_PROGRESS = "/problems/in-progress"


async def test_of_two_hundred_buyers_exactly_fifty_get_the_fifty_bikes(client: ShopClient) -> None:
    bike_id = await client.bike(UNITS)
    buyers = [client.buyer() for _ in range(BUYERS)]

    responses = await asyncio.gather(*(reserve_with_retries(buyer, bike_id) for buyer in buyers))

    assert Counter(response.status for response in responses) == {201: UNITS, 409: BUYERS - UNITS}
    refusals = [response.body["type"] for response in responses if response.status == 409]
    assert set(refusals) == {"/problems/sold-out"}
    await client.settle()
    bike = await client.admin.get(f"/stocks/{bike_id}")
    assert (bike["stockQty"], bike["reserveQty"]) == (UNITS, UNITS)
    for buyer, response in zip(buyers, responses, strict=True):
        pages = (await buyer.get("/myPages"))["_embedded"]["myPages"]
        shown = [(page["reserveStatus"], page["stockStatus"]) for page in pages]
        assert shown == ([("예약완료", "배정완료")] if response.status == 201 else [])


async def reserve_with_retries(buyer: Person, bike_id: int) -> Response:
    """Repeat the request until it is decided.

    All tries have one key: without it, one that was interrupted would keep a unit for a while.
    """
    return await until(
        lambda: buyer.reserve(bike_id, Idempotency_Key="mine"),
        lambda response: response.status != 503 and response.body.get("type") != IN_PROGRESS,
        "a response that decides",
        seconds=30,
        pause=1,
    )
