"""Many buyers for few bikes: none is sold twice, none is kept back."""

import asyncio

from tests.flows.given import all_of, assert_all_agree, copy_of, given_a_bike, total
from tests.flows.in_process_shop import Answer, Person, Shop, until


async def decided(buyer: Person) -> Answer:
    """As a patient client asks, with its key, until it is a yes or a no."""

    async def answer() -> Answer | None:
        body = {"bikeId": 1}
        told = await buyer.post("/reservations", body, Idempotency_Key="mine")
        assert told.status in {201, 409, 503}, told.raw
        name = told.body.get("type", "made").rpartition("/")[2]
        return told if name in {"made", "sold-out"} else None

    return await until(answer, every=0.25)


async def test_two_hundred_buyers_for_fifty_bikes(shop: Shop) -> None:
    await given_a_bike(shop, units=50)
    buyers = [shop.person(f"buyer{number}", "buyer") for number in range(200)]

    answers = await asyncio.gather(*[decided(buyer) for buyer in buyers])

    statuses = [answer.status for answer in answers]
    assert (statuses.count(201), statuses.count(409)) == (50, 150)
    await shop.settle()
    assert await total(shop.admin) == 50
    bike = (await shop.admin.get("/stocks/1")).body
    assert (bike["stockQty"], bike["reserveQty"]) == (50, 50)
    copy = await copy_of(shop)
    assert (copy.free, copy.unanswered) == (0, 0)
    assert {one["stockStatus"] for one in await all_of(shop.admin, "/myPages")} == {"배정완료"}
    await assert_all_agree(shop)


async def test_a_unit_that_comes_back_is_sold_again(shop: Shop) -> None:
    await given_a_bike(shop, units=1)
    kim, lee = shop.person("kim", "buyer"), shop.person("lee", "buyer")
    first = await decided(kim)
    refused = await decided(lee)
    await kim.ask("DELETE", f"/reservations/{first.body['reserveId']}")
    await shop.settle()

    made = await decided(lee)

    assert (first.status, refused.status, made.status) == (201, 409, 201)
    await shop.settle()
    await assert_all_agree(shop)
