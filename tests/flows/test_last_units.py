"""Many buyers for few bikes: no unit is sold twice, and all units are sold."""

import asyncio

from tests.flows.given import (
    all_of,
    assert_all_agree,
    copy_of,
    given_a_bike,
    given_an_answer,
    total,
)
from tests.flows.in_process_shop import Shop


async def test_two_hundred_buyers_for_fifty_bikes(shop: Shop) -> None:
    await given_a_bike(shop, units=50)
    buyers = [shop.person(f"buyer{number}", "buyer") for number in range(200)]

    responses = await asyncio.gather(*[given_an_answer(buyer) for buyer in buyers])

    statuses = [response.status for response in responses]
    assert (statuses.count(201), statuses.count(409)) == (50, 150)
    await shop.settle()
    assert await total(shop.admin) == 50
    bike = (await shop.admin.get("/stocks/1")).body
    assert (bike["stockQty"], bike["reserveQty"]) == (50, 50)
    copy = await copy_of(shop)
    assert (copy.free, copy.unanswered) == (0, 0)
    assert {page["stockStatus"] for page in await all_of(shop.admin, "/myPages")} == {"배정완료"}
    await assert_all_agree(shop)


async def test_a_unit_of_a_cancelled_reservation_is_sold_again(shop: Shop) -> None:
    await given_a_bike(shop, units=1)
    kim, lee = shop.person("kim", "buyer"), shop.person("lee", "buyer")
    first = await given_an_answer(kim)
    refused = await given_an_answer(lee)
    await kim.request("DELETE", f"/reservations/{first.body['reserveId']}")
    await shop.settle()

    made = await given_an_answer(lee)

    assert (first.status, refused.status, made.status) == (201, 409, 201)
    await shop.settle()
    await assert_all_agree(shop)
