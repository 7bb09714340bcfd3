"""My page, built again from the stored events, is what it was; and how late its events are."""

import asyncio
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.system.shop_client import Person, ShopClient, until
from tests.system.test_metrics import metrics, numbers

pytestmark = pytest.mark.any_stack

PURCHASES: Final = 40
AT_A_TIME: Final = 3
SHARE: Final = 0.99
SLOWEST_SECONDS: Final = 10  # of a purchase's events; on a machine with other work, too
LIMITS: Final = ("0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "10.0")


async def test_a_rebuilt_page_is_the_live_one(client: ShopClient) -> None:
    buyer = client.buyer()
    bike_id = await client.bike(units=PURCHASES)
    before = await metrics(client, "mypage")
    places = asyncio.Semaphore(AT_A_TIME)

    async def purchase(number: int) -> None:
        async with places:
            await bought(buyer, bike_id, number)

    await asyncio.gather(*(purchase(number) for number in range(PURCHASES)))
    await client.settle()
    live = await pages(buyer)
    late = delay(before, await metrics(client, "mypage"))

    await client.shop.roadbike_ok("rebuild")

    assert len(live) == PURCHASES
    assert await pages(buyer) == live
    print(  # noqa: T201 a figure
        f"\n{PURCHASES} purchases: 99 % of the batches took effect within {late} s of the event"
    )
    assert late <= SLOWEST_SECONDS


async def bought(buyer: Person, bike_id: int, number: int) -> None:
    """Reserve; of each four, one is only reserved, two are paid, and one of these is cancelled."""
    reserve_id = await reserved(buyer, bike_id)
    if number % 4 == 0:
        return
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    await buyer.request("PATCH", f"/payments/{pay_id}", {"payStatus": "결제완료"})
    if number % 4 == 1:
        await buyer.request("DELETE", f"/reservations/{reserve_id}")


async def reserved(buyer: Person, bike_id: int) -> str:
    """Reserve, again with the same key while the shop is too busy; return the reserveId."""
    key = uuid4().hex
    made = await until(
        lambda: buyer.reserve(bike_id, Idempotency_Key=key),
        lambda answer: answer.status == 201,  # else 503, or 409 while the first is in progress
        "a reservation is taken",
        30,
    )
    reserve_id: str = made.body["reserveId"]
    return reserve_id


async def pages(buyer: Person) -> dict[str, Any]:
    """Return each page of the buyer with its timeline."""
    return {
        page["reserveId"]: (page, await buyer.get(f"/myPages/{page['reserveId']}/timeline"))
        for page in await buyer.all("/myPages")
    }


def delay(before: str, after: str) -> float:
    """Return the limit in seconds that 99 % of the batches stayed within."""

    def grown(name: str, **labels: str) -> float:
        full = f"roadbike_event_delay_seconds_{name}"
        return numbers(after, full, **labels) - numbers(before, full, **labels)

    total = grown("count")
    return next(
        (float(limit) for limit in LIMITS if grown("bucket", le=limit) >= SHARE * total),
        float("inf"),
    )
