"""Many concurrent requests with one key give one reservation and one response."""

import asyncio
from uuid import uuid4

from tests.system import audit
from tests.system.retrying import request_with_retries
from tests.system.shop_client import Person, ShopClient

BUYERS = 10
CONCURRENT = 20


async def test_many_requests_with_one_key_reserve_one_unit(client: ShopClient) -> None:
    bike_id = await client.bike(units=BUYERS)
    buyers = [client.buyer() for _ in range(BUYERS)]

    bodies = await asyncio.gather(*(request_often(buyer, bike_id) for buyer in buyers))

    assert [len(different) for different in bodies] == [1] * BUYERS  # byte for byte
    await client.settle()
    after = await audit.read(client.shop)
    assert after.faults() == []
    assert [len(after.registered([buyer.name])) for buyer in buyers] == [1] * BUYERS


async def request_often(buyer: Person, bike_id: int) -> set[tuple[int, bytes]]:
    key, body = uuid4().hex, {"bikeId": bike_id}
    responses = await asyncio.gather(
        *(
            request_with_retries(buyer, "POST", "/reservations", body, Idempotency_Key=key)
            for _ in range(CONCURRENT)
        )
    )
    assert {response.status for response in responses} == {201}
    return {(response.status, response.raw) for response in responses}
