"""A buyer pays and cancels at the same moment: the money is back and the bike is free."""

import asyncio
from collections import Counter

from roadbike.contracts.statuses import PaymentStatus, ReservationStatus
from tests.system import audit
from tests.system.retrying import Order, order
from tests.system.shop_client import Answer, ShopClient

RACES = 60
AT_A_TIME = 6  # with more of them the cancels are always quicker
GONE = (ReservationStatus.CANCELLED, PaymentStatus.CANCELLED)


async def test_whoever_is_quicker_the_cancel_wins_in_the_end(client: ShopClient) -> None:
    bike_id = await client.bike(units=RACES)
    orders = await asyncio.gather(*(order(client.buyer(), bike_id) for _ in range(RACES)))
    pay_ids = [(await one.payment())["payId"] for one in orders]
    starters = list(zip(orders, pay_ids, strict=True))
    finishes: list[tuple[Answer, Answer]] = []

    for first in range(0, RACES, AT_A_TIME):
        heat = starters[first : first + AT_A_TIME]
        finishes += await asyncio.gather(*(race(one, pay_id) for one, pay_id in heat))

    seen = Counter((paid.status, cancelled.status) for paid, cancelled in finishes)
    print(seen)  # noqa: T201  who was quicker, for whoever runs this with -s
    assert set(seen) <= {(200, 200), (202, 200), (409, 200)}, seen
    await client.settle()
    after = await audit.read(client.shop)
    assert after.faults() == []
    purchases = [after.purchases[one.reserve_id] for one in orders]
    assert {purchase.statuses[:2] for purchase in purchases} == {GONE}
    assert [purchase.kept for purchase in purchases] == [0] * RACES
    bike = await client.admin.get(f"/stocks/{bike_id}")
    assert (bike["stockQty"], bike["reserveQty"]) == (RACES, 0)


async def race(one: Order, pay_id: str) -> tuple[Answer, Answer]:
    return await asyncio.gather(
        one.buyer.ask("PATCH", f"/payments/{pay_id}", {"payStatus": PaymentStatus.PAID}),
        one.buyer.ask("DELETE", f"/reservations/{one.reserve_id}"),
    )
