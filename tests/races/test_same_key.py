"""One key, asked for many times at once: one reservation, one answer."""

import asyncio
from uuid import uuid4

from tests.system import audit
from tests.system.retrying import insist
from tests.system.shop_client import Person, ShopClient

BUYERS = 10
AT_ONCE = 20


async def test_whoever_asks_often_gets_one_bike(client: ShopClient) -> None:
    bike_id = await client.bike(units=BUYERS)
    buyers = [client.buyer() for _ in range(BUYERS)]

    answers = await asyncio.gather(*(ask_often(buyer, bike_id) for buyer in buyers))

    assert [len(told) for told in answers] == [1] * BUYERS  # byte for byte
    await client.settle()
    after = await audit.read(client.shop)
    assert after.faults() == []
    assert [len(after.registered([buyer.name])) for buyer in buyers] == [1] * BUYERS


async def ask_often(buyer: Person, bike_id: int) -> set[tuple[int, bytes]]:
    key, body = uuid4().hex, {"bikeId": bike_id}
    answers = await asyncio.gather(
        *(insist(buyer, "POST", "/reservations", body, Idempotency_Key=key) for _ in range(AT_ONCE))
    )
    assert {answer.status for answer in answers} == {201}
    return {(answer.status, answer.raw) for answer in answers}
