"""Payment is slow: what reservation has given up is cancelled while it is still being opened."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.system import books
from tests.system.apart import apart, ready
from tests.system.patience import order
from tests.system.visit import Visit

FEW = 15  # so few failures open no breaker
HANDFUL = 5


async def test_an_open_that_meets_its_cancel_leaves_nothing_to_pay(visit: Visit) -> None:
    bike_id = await visit.bike(units=FEW)
    buyers = [visit.buyer() for _ in range(FEW)]

    async with slow_payment(visit, 4_900, 6_500):  # around the time at which intents are cancelled
        answers = await asyncio.gather(*(buyer.reserve(bike_id) for buyer in buyers))
        await visit.settle()

    assert Counter(answer.status for answer in answers) == {503: FEW}
    await visit.settle()  # the last opens came after all was quiet
    after = await books.read(visit.shop)
    assert after.faults() == []
    assert after.registered(buyer.name for buyer in buyers) == set()
    assert (await visit.admin.get(f"/stocks/{bike_id}"))["reserveQty"] == 0


async def test_a_patient_buyer_gets_one_bike_however_often_it_was_given_up(visit: Visit) -> None:
    bike_id = await visit.bike(units=HANDFUL)
    buyers = [visit.buyer() for _ in range(HANDFUL)]

    async with slow_payment(visit, 400, 900):  # around what reservation waits for
        made = await asyncio.gather(*(order(buyer, bike_id) for buyer in buyers))
        await visit.settle()

    after = await books.read(visit.shop)
    assert after.faults() == []
    for buyer, one in zip(buyers, made, strict=True):
        assert after.registered([buyer.name]) == {one.reserve_id}
    assert (await visit.admin.get(f"/stocks/{bike_id}"))["reserveQty"] == HANDFUL


@asynccontextmanager
async def slow_payment(visit: Visit, at_least: int, at_most: int) -> AsyncIterator[None]:
    """An open takes so many milliseconds."""
    delay = {
        "ROADBIKE_OPEN_DELAY_MIN_MS": str(at_least),
        "ROADBIKE_OPEN_DELAY_MAX_MS": str(at_most),
    }
    async with apart(visit.shop, "payment", **delay):
        await ready(visit.shop, "payment")
        yield
