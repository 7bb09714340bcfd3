"""Never is a bike sold twice."""

import asyncio
from collections import Counter

from tests.system.shop_client import Answer, Person, ShopClient, until

BUYERS = 200
UNITS = 50


async def test_of_two_hundred_buyers_exactly_fifty_get_the_fifty_bikes(client: ShopClient) -> None:
    bike_id = await client.bike(UNITS)
    buyers = [client.buyer() for _ in range(BUYERS)]

    answers = await asyncio.gather(*(insist(buyer, bike_id) for buyer in buyers))

    assert Counter(answer.status for answer in answers) == {201: UNITS, 409: BUYERS - UNITS}
    refusals = [answer.body["type"] for answer in answers if answer.status == 409]
    assert set(refusals) == {"/problems/sold-out"}
    await client.settle()
    bike = await client.admin.get(f"/stocks/{bike_id}")
    assert (bike["stockQty"], bike["reserveQty"]) == (UNITS, UNITS)
    for buyer, answer in zip(buyers, answers, strict=True):
        pages = (await buyer.get("/myPages"))["_embedded"]["myPages"]
        shown = [(page["reserveStatus"], page["stockStatus"]) for page in pages]
        assert shown == ([("예약완료", "배정완료")] if answer.status == 201 else [])


async def insist(buyer: Person, bike_id: int) -> Answer:
    """Come back as long as the shop asks to; a busy shop may."""
    return await until(
        lambda: buyer.reserve(bike_id),
        lambda answer: answer.status != 503,
        "a definite answer",
        seconds=30,
        pause=1,
    )
