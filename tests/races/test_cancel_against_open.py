"""Payment hangs: what reservation has given up is cancelled while it is still being opened."""

import asyncio
import os
from collections import Counter
from signal import SIGCONT, SIGSTOP

from tests.system import books
from tests.system.patience import order
from tests.system.visit import Visit, until

HASTY = 6  # ask once, and leave; few enough that no breaker opens
PATIENT = 3  # ask on with their key
GIVEN_UP_SECONDS = 10.0


async def test_an_open_that_meets_its_cancel_leaves_nothing_to_pay(visit: Visit) -> None:
    bike_id = await visit.bike(units=HASTY + PATIENT)
    hasty = [visit.buyer() for _ in range(HASTY)]
    patient = [visit.buyer() for _ in range(PATIENT)]
    payment = visit.shop.pids["payment"]

    os.kill(payment, SIGSTOP)
    try:
        asking_on = asyncio.gather(*(order(buyer, bike_id) for buyer in patient))
        answers = await asyncio.gather(*(buyer.reserve(bike_id) for buyer in hasty))
        await until_given_up(visit)
    finally:
        os.kill(payment, SIGCONT)  # now come the opens, and with them the cancels

    made = await asking_on
    await visit.settle()
    assert Counter(answer.status for answer in answers) == {503: HASTY}
    after = await books.read(visit.shop)
    assert after.faults() == []
    assert after.registered(buyer.name for buyer in hasty) == set()
    for buyer, one in zip(patient, made, strict=True):
        assert after.registered([buyer.name]) == {one.reserve_id}
    assert (await visit.admin.get(f"/stocks/{bike_id}"))["reserveQty"] == PATIENT


async def until_given_up(visit: Visit) -> None:
    """Until the first intents are cancelled."""
    most = 0

    async def look() -> bool:
        nonlocal most
        intents = (await visit.status("reservation"))["pending"]
        most = max(most, intents)
        return bool(intents < most)

    await until(look, bool, "intents are given up", GIVEN_UP_SECONDS)
