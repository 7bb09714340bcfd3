"""One key, one reservation: however often it is asked, however many ask at once."""

import asyncio
from collections import Counter
from uuid import uuid4

from tests.system.shop_client import ShopClient

AT_ONCE = 1_000


async def test_a_thousand_posts_with_one_key_are_one_reservation(client: ShopClient) -> None:
    bike_id = await client.bike(units=AT_ONCE)
    buyer, key = client.buyer(straight=True), uuid4().hex

    async def ask() -> tuple[int, bytes]:
        answer = await buyer.reserve(bike_id, Idempotency_Key=key)
        return answer.status, answer.raw

    first = await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    again = await asyncio.gather(*(ask() for _ in range(AT_ONCE)))

    assert {status for status, _ in first} <= {201, 409}, Counter(status for status, _ in first)
    (one,) = {raw for status, raw in first if status == 201}
    assert set(again) == {(201, one)}, Counter(status for status, _ in again)
    await client.settle()
    for path in ("/reservations", "/payments", "/myPages"):
        assert await buyer.total(path) == 1
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == 1


async def test_a_key_is_not_used_for_something_else(client: ShopClient) -> None:
    buyer, key = client.buyer(), uuid4().hex
    bikes = [await client.bike(units=1), await client.bike(units=1)]

    made, other = [await buyer.reserve(bike, Idempotency_Key=key) for bike in bikes]

    assert (made.status, other.status) == (201, 422)
    assert await buyer.total("/reservations") == 1
