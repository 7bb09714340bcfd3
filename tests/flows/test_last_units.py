"""Many buyers for few bikes: no unit is sold twice, and all units are sold."""

import asyncio

from tests.flows.given import all_of, assert_all_agree, copy_of, given_a_bike, total
from tests.flows.in_process_shop import Person, Response, Shop, until


async def reserve_with_retries(buyer: Person) -> Response:
    """Send the request with one key until the response is 201 or sold-out."""

    async def decided() -> Response | None:
        body = {"bikeId": 1}
        response = await buyer.post("/reservations", body, Idempotency_Key="mine")
        assert response.status in {201, 409, 503}, response.raw
        name = response.body.get("type", "made").rpartition("/")[2]
        return response if name in {"made", "sold-out"} else None

    return await until(decided, every=0.25)


async def test_two_hundred_buyers_for_fifty_bikes(shop: Shop) -> None:
    await given_a_bike(shop, units=50)
    buyers = [shop.person(f"buyer{number}", "buyer") for number in range(200)]

    responses = await asyncio.gather(*[reserve_with_retries(buyer) for buyer in buyers])

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
    first = await reserve_with_retries(kim)
    refused = await reserve_with_retries(lee)
    await kim.request("DELETE", f"/reservations/{first.body['reserveId']}")
    await shop.settle()

    made = await reserve_with_retries(lee)

    assert (first.status, refused.status, made.status) == (201, 409, 201)
    await shop.settle()
    await assert_all_agree(shop)
