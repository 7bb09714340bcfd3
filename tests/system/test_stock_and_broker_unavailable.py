"""Reservations go on while stock is stopped, and while the broker is stopped."""

from collections import Counter

from tests.system.shop_client import Person, ShopClient

UNITS = 5


async def test_without_stock_known_free_units_are_reserved_and_allocated_later(
    client: ShopClient,
) -> None:
    bike_id = await client.bike(UNITS)
    buyer = client.buyer()

    await client.shop.roadbike_ok("stop", "stock")
    responses = [await buyer.reserve(bike_id) for _ in range(UNITS + 1)]
    for response in responses[:UNITS]:
        path = f"/myPages/{response.body['reserveId']}"
        await client.eventually(buyer, path, stockStatus="배정대기", payStatus="결제예정")
    await client.shop.roadbike_ok("start", "stock")

    assert [response.status for response in responses] == [*[201] * UNITS, 409]
    assert responses[-1].body["type"] == "/problems/sold-out"
    await client.settle()
    assert await stock_statuses(buyer) == {"배정완료": UNITS}
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == UNITS
    assert (await buyer.reserve(bike_id)).status == 409


async def test_a_cancel_without_stock_frees_the_unit_later(client: ShopClient) -> None:
    bike_id = await client.bike(units=1)
    buyer = client.buyer()

    await client.shop.roadbike_ok("stop", "stock")
    reserve_id = await buyer.reserved(bike_id)
    cancelled = await buyer.request("DELETE", f"/reservations/{reserve_id}")
    await client.shop.roadbike_ok("start", "stock")

    assert cancelled.status == 200
    await client.settle()
    assert await stock_statuses(buyer) == {"배정해제": 1}
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == 0
    await buyer.reserved(bike_id)


async def test_without_the_broker_reservations_go_on_and_events_are_sent_later(
    client: ShopClient,
) -> None:
    bike_id = await client.bike(UNITS)
    buyer = client.buyer()

    await client.shop.roadbike_ok("stop", "nats")
    responses = [await buyer.reserve(bike_id) for _ in range(UNITS)]
    first = responses[0].body["reserveId"]
    cancelled = await buyer.request("DELETE", f"/reservations/{first}")
    unsent = await client.status("reservation")
    pages = await buyer.total("/myPages")
    await client.shop.roadbike_ok("start", "nats")

    assert [response.status for response in responses] == [201] * UNITS
    assert cancelled.status == 200
    assert (unsent["unsent"], unsent["lag"], unsent["broker"]) == (UNITS + 1, None, False)
    assert pages == 0
    await client.settle()
    assert await stock_statuses(buyer) == {"배정완료": UNITS - 1, "배정해제": 1}
    assert await buyer.total("/payments") == UNITS
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == UNITS - 1


async def stock_statuses(buyer: Person) -> Counter[str]:
    return Counter(page["stockStatus"] for page in await buyer.all("/myPages"))
