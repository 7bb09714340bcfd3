"""A buyer pays and cancels at the same moment: the money is back and the bike is free."""

import asyncio
from collections import Counter

from roadbike.contracts.statuses import PaymentStatus, ReservationStatus
from tests.system import books
from tests.system.patience import Order, order
from tests.system.visit import Answer, Visit

RACES = 60
PAYING = {"payStatus": PaymentStatus.PAID}
CANCELLING = {"reserveStatus": ReservationStatus.CANCELLED}


async def test_whoever_is_quicker_the_cancel_wins_in_the_end(visit: Visit) -> None:
    bike_id = await visit.bike(units=RACES)
    orders = await asyncio.gather(*(order(visit.buyer(), bike_id) for _ in range(RACES)))
    pay_ids = [(await one.buyer.payment_of(one.reserve_id))["payId"] for one in orders]

    finishes = await asyncio.gather(
        *(race(number, *entry) for number, entry in enumerate(zip(orders, pay_ids, strict=True)))
    )

    seen = Counter((paid.status, cancelled.status) for paid, cancelled in finishes)
    assert {paid for paid, _ in seen} <= {200, 202, 409}, seen
    assert {cancelled for _, cancelled in seen} == {200}, seen
    await visit.settle()
    after = await books.read(visit.shop)
    assert after.faults() == []
    purchases = [after.purchases[one.reserve_id] for one in orders]
    assert {purchase.statuses[:2] for purchase in purchases} == {
        (ReservationStatus.CANCELLED, PaymentStatus.CANCELLED)
    }
    assert [purchase.kept for purchase in purchases] == [0] * RACES
    bike = await visit.admin.get(f"/stocks/{bike_id}")
    assert (bike["stockQty"], bike["reserveQty"]) == (RACES, 0)


async def race(number: int, one: Order, pay_id: str) -> tuple[Answer, Answer]:
    """Each has the inside lane every other time."""
    pay = one.buyer.ask("PATCH", f"/payments/{pay_id}", PAYING)
    at = f"/reservations/{one.reserve_id}"
    if number % 3 == 0:
        cancel = one.buyer.ask("PATCH", at, CANCELLING)
    else:
        cancel = one.buyer.ask("DELETE", at)
    if number % 2:
        paid, cancelled = await asyncio.gather(pay, cancel)
    else:
        cancelled, paid = await asyncio.gather(cancel, pay)
    return paid, cancelled
