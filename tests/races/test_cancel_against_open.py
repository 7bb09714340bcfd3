"""Payment hangs: what reservation has given up is cancelled while it is still being opened."""

import asyncio
import os
from collections import Counter
from signal import SIGCONT, SIGSTOP

from tests.system import audit
from tests.system.retrying import order
from tests.system.shop_client import ShopClient, until

HASTY = 6  # ask once, and leave; few enough that no breaker opens
PATIENT = 3  # ask on with their key
GIVEN_UP_SECONDS = 10.0


async def test_an_open_that_meets_its_cancel_leaves_nothing_to_pay(client: ShopClient) -> None:
    bike_id = await client.bike(units=HASTY + PATIENT)
    hasty = [client.buyer() for _ in range(HASTY)]
    patient = [client.buyer() for _ in range(PATIENT)]
    payment = client.shop.pids["payment"]

    os.kill(payment, SIGSTOP)
    try:
        asking_on = asyncio.gather(*(order(buyer, bike_id) for buyer in patient))
        answers = await asyncio.gather(*(buyer.reserve(bike_id) for buyer in hasty))
        await until_given_up(client)
    finally:
        os.kill(payment, SIGCONT)  # now come the opens, and with them the cancels

    made = await asking_on
    await client.settle()
    assert Counter(answer.status for answer in answers) == {503: HASTY}
    after = await audit.read(client.shop)
    assert after.faults() == []
    assert after.registered(buyer.name for buyer in hasty) == set()
    for buyer, one in zip(patient, made, strict=True):
        assert after.registered([buyer.name]) == {one.reserve_id}
    assert (await client.admin.get(f"/stocks/{bike_id}"))["reserveQty"] == PATIENT


async def until_given_up(client: ShopClient) -> None:
    """Until the first intents are cancelled."""
    most = 0

    async def look() -> bool:
        nonlocal most
        intents = (await client.status("reservation"))["pending"]
        most = max(most, intents)
        return bool(intents < most)

    await until(look, bool, "intents are given up", GIVEN_UP_SECONDS)
