"""A bike that was withdrawn is not sold, even while reservation cannot learn of it."""

from datetime import timedelta

from sqlalchemy import update

from roadbike.stock.store import BIKE
from tests.flows.given import copy_of, given_a_bike, given_a_reservation, statuses
from tests.flows.in_process_shop import Shop


async def test_a_claim_after_the_withdrawal_is_cancelled_and_refunded(shop: Shop) -> None:
    await given_a_bike(shop, units=3)
    kim = shop.person("kim", "buyer")
    shop.log.unavailable = True
    gone = await shop.admin.request("DELETE", "/stocks/1", If_Match='"1"')
    await withdrawn_longer_ago(shop, by=timedelta(seconds=2))

    reserve_id = await given_a_reservation(kim)
    found = (await kim.get(f"/payments?reserveId={reserve_id}")).body["_embedded"]["payments"]
    path = f"/payments/{found[0]['payId']}"
    paid = await kim.request("PATCH", path, {"payStatus": "결제완료"})

    assert (gone.status, paid.status) == (204, 200)
    shop.log.unavailable = False
    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약취소", "결제취소", "품절")
    bike = (await shop.admin.get("/stocks/1")).body
    assert (bike["stockQty"], bike["reserveQty"]) == (3, 0)
    assert ((await copy_of(shop)).on_sale, (await copy_of(shop)).unanswered) == (False, 0)


async def test_a_claim_before_the_withdrawal_gets_its_bike(shop: Shop) -> None:
    await given_a_bike(shop, units=3)
    kim = shop.person("kim", "buyer")
    shop.log.unavailable = True

    reserve_id = await given_a_reservation(kim)
    gone = await shop.admin.request("DELETE", "/stocks/1", If_Match='"1"')

    assert gone.status == 204
    shop.log.unavailable = False
    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약완료", "결제예정", "배정완료")


async def withdrawn_longer_ago(shop: Shop, by: timedelta) -> None:
    """Move the time of the withdrawal: the clock of the database cannot be moved."""
    async with shop.db("stock").begin() as tx:
        (bike,) = await tx.rows(BIKE.select())
        await tx.execute(update(BIKE).values(withdrawn_at=bike["withdrawn_at"] - by))
