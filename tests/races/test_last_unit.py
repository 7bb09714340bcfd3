"""Two hundred buyers reserve the last unit: one of them gets it."""

import asyncio
from collections import Counter

from tests.system import audit
from tests.system.retrying import request_with_retries
from tests.system.shop_client import ShopClient

BUYERS = 200


async def test_one_of_two_hundred_gets_the_last_unit(client: ShopClient) -> None:
    bike_id = await client.bike(units=1)
    buyers = [client.buyer() for _ in range(BUYERS)]

    responses = await asyncio.gather(
        *(
            request_with_retries(buyer, "POST", "/reservations", {"bikeId": bike_id})
            for buyer in buyers
        )
    )

    assert Counter(response.status for response in responses) == {201: 1, 409: BUYERS - 1}
    await client.settle()
    after = await audit.read(client.shop)
    assert after.faults() == []
    assert len(after.registered(buyer.name for buyer in buyers)) == 1
    bike = await client.admin.get(f"/stocks/{bike_id}")
    assert (bike["stockQty"], bike["reserveQty"]) == (1, 1)
