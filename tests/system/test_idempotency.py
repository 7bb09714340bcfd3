"""One key, one reservation: however often it is asked, however many ask at once."""

import asyncio
from collections import Counter
from uuid import uuid4

from tests.system.visit import Visit

AT_ONCE = 1_000


async def test_a_thousand_posts_with_one_key_are_one_reservation(visit: Visit) -> None:
    bike_id = await visit.bike(units=AT_ONCE)
    buyer, key = visit.buyer(straight=True), uuid4().hex

    async def ask() -> tuple[int, bytes]:
        answer = await buyer.reserve(bike_id, Idempotency_Key=key)
        return answer.status, answer.raw

    first = await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    again = await asyncio.gather(*(ask() for _ in range(AT_ONCE)))

    assert {status for status, _ in first} <= {201, 409}, Counter(status for status, _ in first)
    (one,) = {raw for status, raw in first if status == 201}
    assert set(again) == {(201, one)}, Counter(status for status, _ in again)
    await visit.settle()
    for path in ("/reservations", "/payments", "/myPages"):
        assert await buyer.total(path) == 1
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == 1


async def test_a_key_is_not_used_for_something_else(visit: Visit) -> None:
    buyer, key = visit.buyer(), uuid4().hex
    bikes = [await visit.bike(units=1), await visit.bike(units=1)]

    made, other = [await buyer.reserve(bike, Idempotency_Key=key) for bike in bikes]

    assert (made.status, other.status) == (201, 422)
    assert await buyer.total("/reservations") == 1
