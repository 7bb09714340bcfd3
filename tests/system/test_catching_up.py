"""Stock was stopped: its replicas catch up, are killed meanwhile, and grant as was reserved."""

import asyncio

from roadbike.ops.drills import stock_ledger
from tests.system.real_shop import temporary_shop
from tests.system.shop_client import open_client

UNITS, CLAIMS = 40, 100


async def test_replicas_that_are_killed_while_they_catch_up_grant_in_the_order_of_reserving() -> (
    None
):
    with temporary_shop({"ROADBIKE_OVERBOOK": str(CLAIMS - UNITS)}) as shop:
        result = shop.up("--replicas", "stock=2")
        assert result.code == 0, result
        async with open_client(shop) as client:
            bike_id = await client.bike(UNITS)
            buyer, places = client.buyer(), asyncio.Semaphore(5)

            async def reserve() -> str:
                async with places:
                    return await buyer.reserved(bike_id)

            await shop.roadbike_ok("stop", "stock")
            made = await asyncio.gather(*(reserve() for _ in range(CLAIMS)))
            await shop.roadbike_ok("start", "stock-1")
            await shop.roadbike_ok("kill", "stock-1")
            await shop.roadbike_ok("start", "stock-2")
            await shop.roadbike_ok("kill", "stock-2")
            await client.settle()
        answers = await stock_ledger.read(shop.home, bike_id)

    assert len(set(made)) == CLAIMS
    assert len(answers.granted) == UNITS
    assert len(answers.short) == CLAIMS - UNITS
    assert answers.are_in_order, answers
