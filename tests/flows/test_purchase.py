"""Pay and get a delivery; pay while the provider does not answer; cancel a paid purchase."""

import pytest

from tests.flows.in_process_shop import Person, Response, Shop

EMONDA = {"bikeId": 1, "bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 3}


async def given_a_settled_reservation(shop: Shop, buyer: Person) -> str:
    assert (await shop.admin.post("/stocks", EMONDA)).status == 201
    await shop.settle()
    made = await buyer.reserve(1, addrNm="성남시 분당구")
    await shop.settle()
    reserve_id: str = made.body["reserveId"]
    return reserve_id


async def pay(buyer: Person, reserve_id: str, **headers: str) -> Response:
    found = await buyer.get(f"/payments?reserveId={reserve_id}")
    pay_id = found.body["_embedded"]["payments"][0]["payId"]
    return await buyer.request("PATCH", f"/payments/{pay_id}", {"payStatus": "결제완료"}, **headers)


async def test_a_paid_purchase_is_prepared_for_delivery(shop: Shop) -> None:
    kim = shop.person("kim", "buyer")
    reserve_id = await given_a_settled_reservation(shop, kim)

    paid = await pay(kim, reserve_id)

    assert (paid.status, paid.body["payStatus"]) == (200, "결제완료")
    await shop.settle()
    page = (await kim.get(f"/myPages/{reserve_id}")).body
    assert (page["payStatus"], page["deliveryStatus"]) == ("결제완료", "배송준비")


@pytest.mark.parametrize(
    ("behaviour", "status", "then"),
    [
        ("decline", 402, "결제예정"),
        ("unknown-captured", 202, "결제완료"),
        ("unknown-not-captured", 202, "결제예정"),
        ("error-after-commit", 202, "결제완료"),
        ("slow", 202, "결제완료"),
    ],
)
async def test_a_provider_that_does_not_simply_approve(
    shop: Shop, behaviour: str, status: int, then: str
) -> None:
    kim = shop.person("kim", "buyer")
    reserve_id = await given_a_settled_reservation(shop, kim)

    response = await pay(kim, reserve_id, X_Simulate=behaviour)

    assert response.status == status
    await shop.settle()
    page = (await kim.get(f"/myPages/{reserve_id}")).body
    assert page["payStatus"] == then


async def test_cancelling_a_paid_purchase_refunds_it(shop: Shop) -> None:
    kim = shop.person("kim", "buyer")
    reserve_id = await given_a_settled_reservation(shop, kim)
    await pay(kim, reserve_id)
    await shop.settle()

    cancelled = await kim.request("DELETE", f"/reservations/{reserve_id}")

    assert cancelled.status == 200
    await shop.settle()
    page = (await kim.get(f"/myPages/{reserve_id}")).body
    statuses = (page["reserveStatus"], page["payStatus"], page["deliveryStatus"])
    assert statuses == ("예약취소", "결제취소", "배송취소")
    assert page["stockStatus"] == "배정해제"
    bike = (await kim.get("/stocks/1")).body
    assert (bike["stockQty"], bike["reserveQty"]) == (3, 0)
