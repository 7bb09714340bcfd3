"""The catalogue copy shows what can be reserved, also while stock is stopped."""

from tests.flows.in_process_shop import Shop

EMONDA = {"bikeId": 1, "bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 3, "brand": "TREK"}


async def test_the_copy_is_served_while_stock_is_stopped(shop: Shop) -> None:
    made = await shop.admin.post("/stocks", EMONDA)
    assert made.status == 201
    await shop.settle()

    await shop.stop("stock")
    kim = shop.person("kim", "buyer")
    await kim.reserve(1)

    (bike,) = (await kim.get("/reservations/catalogue")).body["_embedded"]["stocks"]
    assert (bike["bikeNm"], bike["price"], bike["free"]) == ("TREK Emonda", 5_100_000, 2)
    assert bike["asOf"].endswith("Z")


async def test_a_withdrawn_bike_is_not_in_the_copy(shop: Shop) -> None:
    made = await shop.admin.post("/stocks", EMONDA)
    withdrawn = await shop.admin.request("DELETE", "/stocks/1", If_Match=made.headers["ETag"])
    assert withdrawn.status == 204
    await shop.settle()

    copy = (await shop.admin.get("/reservations/catalogue")).body

    assert copy["page"]["totalElements"] == 0
