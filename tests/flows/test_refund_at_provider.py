"""Money that the provider gives back by itself cancels the whole purchase."""

from datetime import timedelta

from sqlalchemy import select, update

from roadbike.payment.providers.simulated import SimulatedProvider
from roadbike.payment.store import ATTEMPT, ATTEMPTS, MONEY
from roadbike.payment.use_cases.pay import charge_of
from tests.flows.given import copy_of, given_a_bike, given_a_reservation
from tests.flows.in_process_shop import Person, Shop, until
from tests.past import past

CANCELLED = {
    "reserveStatus": "예약취소",
    "payStatus": "결제취소",
    "deliveryStatus": "배송취소",
    "stockStatus": "배정해제",
}


async def paid(shop: Shop, buyer: Person) -> str:
    reserve_id = await given_a_reservation(buyer)
    await shop.settle()
    pay_id = (await buyer.get(f"/myPages/{reserve_id}")).body["payId"]
    path, body = f"/payments/{pay_id}", {"payStatus": "결제완료"}

    async def is_paid() -> bool:
        return (await buyer.request("PATCH", path, body)).status == 200

    await until(is_paid, every=0.2)
    await shop.settle()
    return reserve_id


async def test_a_refund_at_the_provider_cancels_reservation_delivery_and_unit(shop: Shop) -> None:
    await given_a_bike(shop, units=2)
    kim = shop.person("kim", "buyer")
    reserve_id = await paid(shop, kim)
    (provider,) = shop.servers["payment"].service.resources
    assert isinstance(provider, SimulatedProvider)

    async with shop.db("payment").begin() as tx:
        (row,) = await tx.rows(select(ATTEMPT))
        assert row["check_at"] - await tx.now() > timedelta(hours=23)
        await provider.cancel(charge_of(ATTEMPTS.state(row)), "by phone")
        await tx.execute(update(ATTEMPT).values(check_at=await past(tx)))

    async def is_cancelled() -> bool:
        page = (await kim.get(f"/myPages/{reserve_id}")).body
        return {name: page[name] for name in CANCELLED} == CANCELLED

    await until(is_cancelled, every=0.2)
    await shop.settle()
    async with shop.db("payment").read() as tx:
        kinds = {row["kind"] for row in await tx.rows(select(MONEY.c.kind))}
    assert kinds == {"capture", "refund"}
    assert (await copy_of(shop)).free == 2
