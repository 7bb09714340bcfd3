"""Reserve, pay and cancel through the gateway, across all processes."""

import pytest

from tests.system.shop_client import PRICE, Person, ShopClient, until

pytestmark = pytest.mark.any_stack

OLD_CLIENTS_SEND = {
    "reserveId": 1,
    "bikeId": 1,
    "bikeNm": "TREK Emonda",
    "reserveStatus": "예약완료",
    "price": 5_100_000,
}


async def signed_up(client: ShopClient, user_id: str) -> Person:
    login = {"userId": user_id, "password": "자전거를 타고 한강으로"}
    opened = await client.nobody.request("POST", "/accounts", {**login, "userNm": "김보라"})
    assert opened.status == 201, opened
    response = await client.nobody.request("POST", "/accounts/tokens", login)
    assert response.status == 200, response
    return Person(client, user_id, response.body["access_token"])


async def test_a_buyer_signs_up_reserves_looks_at_my_page_and_cancels(client: ShopClient) -> None:
    bike_id = await client.bike(units=3)
    bora = await signed_up(client, f"bora{bike_id}")

    made = await bora.reserve(bike_id)

    assert (made.status, made.body["reserveStatus"], made.body["price"]) == (201, "예약완료", PRICE)
    reserve_id = made.body["reserveId"]
    assert (await bora.get(made.headers["Location"]))["reserveId"] == reserve_id
    assert (await bora.payment_of(reserve_id))["payStatus"] == "결제예정"
    await client.settle()
    page = await bora.get(f"/myPages/{reserve_id}")
    assert page["userId"] == f"bora{bike_id}"
    assert statuses(page) == ("예약완료", "결제예정", "배정완료", None)
    assert (await bora.get(f"/stocks/{bike_id}"))["reserveQty"] == 1

    cancelled = await bora.request("DELETE", f"/reservations/{reserve_id}")

    assert (cancelled.status, cancelled.body["reserveStatus"]) == (200, "예약취소")
    await client.settle()
    assert statuses(await bora.get(f"/myPages/{reserve_id}")) == (
        *("예약취소", "결제취소", "배정해제", None),
    )
    assert (await bora.payment_of(reserve_id))["payStatus"] == "결제취소"
    assert (await bora.get(f"/stocks/{bike_id}"))["reserveQty"] == 0
    assert await published_types(bora, reserve_id) == {
        *("ReservationRegistered", "PaymentOpened", "StockAllocated"),
        *("ReservationCancelled", "PaymentCancelled", "DeliveryCancelled", "StockReleased"),
    }


async def test_a_paid_purchase_is_prepared_and_a_cancel_undoes_it(
    client: ShopClient,
) -> None:
    buyer = client.buyer()
    reserve_id = await buyer.reserved(await client.bike(units=1))
    pay_id = (await buyer.payment_of(reserve_id))["payId"]

    paid = await buyer.request("PATCH", f"/payments/{pay_id}", {"payStatus": "결제완료"})

    assert (paid.status, paid.body["payStatus"]) == (200, "결제완료")
    await client.settle()
    page = await buyer.get(f"/myPages/{reserve_id}")
    assert statuses(page) == ("예약완료", "결제완료", "배정완료", "배송준비")

    cancelled = await buyer.request(
        "PATCH", f"/reservations/{reserve_id}", {"reserveStatus": "예약취소"}
    )

    assert cancelled.status == 200
    await client.settle()
    page = await buyer.get(f"/myPages/{reserve_id}")
    assert statuses(page) == ("예약취소", "결제취소", "배정해제", "배송취소")


async def test_requests_of_old_clients_work_unchanged(client: ShopClient) -> None:
    buyer = client.buyer(direct=True)

    made = await buyer.request("POST", "/reservations", OLD_CLIENTS_SEND)

    assert made.status == 201
    assert made.body["reserveId"] != 1
    await client.settle()
    assert (await buyer.get(f"/myPages/{made.body['reserveId']}"))["bikeNm"] == "TREK Emonda"


async def test_a_new_reservation_appears_on_my_page(
    client: ShopClient,
) -> None:
    buyer = client.buyer()
    reserve_id = await buyer.reserved(await client.bike(units=1))

    async def status() -> int:
        return (await buyer.request("GET", f"/myPages/{reserve_id}")).status

    await until(status, lambda code: code == 200, "it is on my page", seconds=5)


async def test_another_buyers_purchase_is_not_found(client: ShopClient) -> None:
    reserve_id = await client.buyer().reserved(await client.bike(units=1))
    await client.settle()
    other = client.buyer()

    for path in (f"/reservations/{reserve_id}", f"/myPages/{reserve_id}"):
        assert (await other.request("GET", path)).status == 404
    assert (await other.request("DELETE", f"/reservations/{reserve_id}")).status == 404
    assert (await client.nobody.request("GET", "/reservations")).status == 401


def statuses(page: dict[str, str | None]) -> tuple[str | None, ...]:
    return tuple(
        page[name] for name in ("reserveStatus", "payStatus", "stockStatus", "deliveryStatus")
    )


async def published_types(buyer: Person, reserve_id: str) -> set[str]:
    timeline = (await buyer.get(f"/myPages/{reserve_id}/timeline"))["_embedded"]["timeline"]
    return {step["event"] for step in timeline}
