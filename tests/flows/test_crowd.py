"""Many buyers reserve at the same moment: their requests share transactions and calls."""

import asyncio

from tests.flows.given import assert_all_agree, given_a_bike, given_a_reservation
from tests.flows.in_process_shop import Shop

CROWD = 60


async def test_a_crowd_is_reserved_and_all_services_agree(shop: Shop) -> None:
    await given_a_bike(shop, units=CROWD)
    buyers = [shop.person(f"buyer-{n}", "buyer") for n in range(CROWD)]

    ids = await asyncio.gather(*map(given_a_reservation, buyers))

    await shop.settle()
    assert len(set(ids)) == CROWD
    assert (await shop.admin.get("/stocks/1")).body["reserveQty"] == CROWD
    await assert_all_agree(shop)


async def test_a_crowd_is_reserved_though_payment_restarts_meanwhile(shop: Shop) -> None:
    await given_a_bike(shop, units=3 * CROWD)
    buyers = [shop.person(f"buyer-{n}", "buyer") for n in range(CROWD)]

    crowd = asyncio.gather(*map(given_a_reservation, buyers))
    await shop.restart("payment")
    ids = await crowd

    await shop.settle()
    assert len(set(ids)) == CROWD
    await assert_all_agree(shop)
