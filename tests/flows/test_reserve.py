"""Reserve, follow, cancel: through HTTP and events, in one process."""

from tests.flows.shop import Shop

EMONDA = {"bikeId": 1, "bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 3}


async def given_a_bike(shop: Shop, **more: object) -> None:
    assert (await shop.admin.post("/stocks", {**EMONDA, **more})).status == 201
    await shop.settle()


async def test_a_reservation_opens_its_payment_and_gets_a_unit(shop: Shop) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")

    made = await kim.reserve(1, userNm="김라이더", zipCd="13561", addrNm="성남시 분당구")

    assert made.status == 201, made.raw
    await shop.settle()
    reserve_id = made.body["reserveId"]
    page = (await kim.get(f"/myPages/{reserve_id}")).body
    assert page["reserveStatus"] == "예약완료"
    assert page["payStatus"] == "결제예정"
    assert page["stockStatus"] == "배정완료"
    assert page["price"] == 5_100_000
    bike = (await kim.get("/stocks/1")).body
    assert (bike["stockQty"], bike["reserveQty"]) == (3, 1)


async def test_a_cancel_undoes_all_of_it(shop: Shop) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")
    reserve_id = (await kim.reserve(1)).body["reserveId"]
    await shop.settle()

    cancelled = await kim.ask("DELETE", f"/reservations/{reserve_id}")

    assert cancelled.status == 200
    assert cancelled.body["reserveStatus"] == "예약취소"
    await shop.settle()
    page = (await kim.get(f"/myPages/{reserve_id}")).body
    assert page["reserveStatus"] == "예약취소"
    assert page["payStatus"] == "결제취소"
    assert page["stockStatus"] == "배정해제"
    assert (await kim.get("/stocks/1")).body["reserveQty"] == 0
