"""Reserve and cancel, through HTTP and events, in one process."""

from tests.flows.given import assert_all_agree, given_a_bike, given_a_reservation, statuses
from tests.flows.in_process_shop import Shop


async def test_a_reservation_opens_its_payment_and_gets_a_unit(shop: Shop) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")

    reserve_id = await given_a_reservation(
        kim, userNm="김라이더", zipCd="13561", addrNm="성남시 분당구"
    )

    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약완료", "결제예정", "배정완료")
    assert (await kim.get(f"/myPages/{reserve_id}")).body["price"] == 5_100_000
    bike = (await kim.get("/stocks/1")).body
    assert (bike["stockQty"], bike["reserveQty"]) == (3, 1)
    await assert_all_agree(shop)


async def test_a_cancel_undoes_the_payment_and_the_allocation(shop: Shop) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")
    first, second, kept = [await given_a_reservation(kim) for _ in range(3)]
    await shop.settle()

    deleted = await kim.request("DELETE", f"/reservations/{first}")
    patched = await kim.request("PATCH", f"/reservations/{second}", {"reserveStatus": "예약취소"})

    for cancelled in (deleted, patched):
        assert (cancelled.status, cancelled.body["reserveStatus"]) == (200, "예약취소")
    await shop.settle()
    for reserve_id in (first, second):
        assert await statuses(kim, reserve_id) == ("예약취소", "결제취소", "배정해제")
    assert await statuses(kim, kept) == ("예약완료", "결제예정", "배정완료")
    assert (await kim.get("/stocks/1")).body["reserveQty"] == 1
    await assert_all_agree(shop)


async def test_a_cancel_before_the_events_arrive_undoes_both_too(shop: Shop) -> None:
    await given_a_bike(shop, units=20)
    kim = shop.person("kim", "buyer")

    for _ in range(10):
        reserve_id = await given_a_reservation(kim)
        assert (await kim.request("DELETE", f"/reservations/{reserve_id}")).status == 200

    await shop.settle()
    assert (await kim.get("/stocks/1")).body["reserveQty"] == 0
    await assert_all_agree(shop)
