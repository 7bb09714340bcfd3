"""A buyer pays and cancels at the same time: the money is refunded and the unit is free."""

import asyncio
from collections import Counter

from roadbike.contracts.statuses import PaymentStatus, ReservationStatus
from tests.system import audit
from tests.system.retrying import Order, order
from tests.system.shop_client import Response, ShopClient

RACES = 60
CONCURRENT = 6  # with more of them the cancel always comes first
CANCELLED = (ReservationStatus.CANCELLED, PaymentStatus.CANCELLED)


async def test_the_purchase_is_cancelled_whichever_comes_first(client: ShopClient) -> None:
    bike_id = await client.bike(units=RACES)
    orders = await asyncio.gather(*(order(client.buyer(), bike_id) for _ in range(RACES)))
    pay_ids = [(await one.payment())["payId"] for one in orders]
    pairs = list(zip(orders, pay_ids, strict=True))
    responses: list[tuple[Response, Response]] = []

    for first in range(0, RACES, CONCURRENT):
        group = pairs[first : first + CONCURRENT]
        responses += await asyncio.gather(*(race(one, pay_id) for one, pay_id in group))

    seen = Counter((paid.status, cancelled.status) for paid, cancelled in responses)
    print(seen)  # noqa: T201  which came first; shown with -s
    assert set(seen) <= {(200, 200), (202, 200), (409, 200)}, seen
    await client.settle()
    after = await audit.read(client.shop)
    assert after.faults() == []
    purchases = [after.purchases[one.reserve_id] for one in orders]
    assert {purchase.statuses[:2] for purchase in purchases} == {CANCELLED}
    assert [purchase.charged for purchase in purchases] == [0] * RACES
    bike = await client.admin.get(f"/stocks/{bike_id}")
    assert (bike["stockQty"], bike["reserveQty"]) == (RACES, 0)


async def race(one: Order, pay_id: str) -> tuple[Response, Response]:
    return await asyncio.gather(
        one.buyer.request("PATCH", f"/payments/{pay_id}", {"payStatus": PaymentStatus.PAID}),
        one.buyer.request("DELETE", f"/reservations/{one.reserve_id}"),
    )
