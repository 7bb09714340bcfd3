"""Reservations are taken around the clock: without stock, and without the broker."""

from collections import Counter

from tests.system.shop_client import Person, ShopClient

UNITS = 5


async def test_without_stock_what_is_known_to_be_free_is_sold_and_allocated_later(
    client: ShopClient,
) -> None:
    bike_id = await client.bike(UNITS)
    buyer = client.buyer()

    await client.shop.roadbike_ok("stop", "stock")
    answers = [await buyer.reserve(bike_id) for _ in range(UNITS + 1)]
    for answer in answers[:UNITS]:
        at = f"/myPages/{answer.body['reserveId']}"
        await client.eventually(buyer, at, stockStatus="배정대기", payStatus="결제예정")
    await client.shop.roadbike_ok("start", "stock")

    assert [answer.status for answer in answers] == [*[201] * UNITS, 409]
    assert answers[-1].body["type"] == "/problems/sold-out"
    await client.settle()
    assert await stock_statuses(buyer) == {"배정완료": UNITS}
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == UNITS
    assert (await buyer.reserve(bike_id)).status == 409


async def test_a_cancel_without_stock_frees_the_bike_later(client: ShopClient) -> None:
    bike_id = await client.bike(units=1)
    buyer = client.buyer()

    await client.shop.roadbike_ok("stop", "stock")
    reserve_id = await buyer.reserved(bike_id)
    cancelled = await buyer.ask("DELETE", f"/reservations/{reserve_id}")
    await client.shop.roadbike_ok("start", "stock")

    assert cancelled.status == 200
    await client.settle()
    assert await stock_statuses(buyer) == {"배정해제": 1}
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == 0
    await buyer.reserved(bike_id)


async def test_without_the_broker_reservations_go_on_and_are_told_later(client: ShopClient) -> None:
    bike_id = await client.bike(UNITS)
    buyer = client.buyer()

    await client.shop.roadbike_ok("stop", "nats")
    answers = [await buyer.reserve(bike_id) for _ in range(UNITS)]
    first = answers[0].body["reserveId"]
    cancelled = await buyer.ask("DELETE", f"/reservations/{first}")
    untold = await client.status("reservation")
    pages = await buyer.total("/myPages")
    await client.shop.roadbike_ok("start", "nats")

    assert [answer.status for answer in answers] == [201] * UNITS
    assert cancelled.status == 200
    assert (untold["unsent"], untold["lag"], untold["broker"]) == (UNITS + 1, None, False)
    assert pages == 0
    await client.settle()
    assert await stock_statuses(buyer) == {"배정완료": UNITS - 1, "배정해제": 1}
    assert await buyer.total("/payments") == UNITS
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == UNITS - 1


async def stock_statuses(buyer: Person) -> Counter[str]:
    return Counter(page["stockStatus"] for page in await buyer.all("/myPages"))
