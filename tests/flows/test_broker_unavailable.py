"""Without the broker, reservations and cancels go on; their events are sent afterwards."""

from tests.flows.given import assert_all_agree, given_a_bike, given_a_reservation, statuses, total
from tests.flows.in_process_shop import Shop


async def test_reservations_go_on_and_their_events_arrive_afterwards(shop: Shop) -> None:
    await given_a_bike(shop, units=10)
    kim = shop.person("kim", "buyer")
    shop.log.unavailable = True

    made = [await given_a_reservation(kim) for _ in range(4)]
    assert (await kim.request("DELETE", f"/reservations/{made[0]}")).status == 200

    status = await shop.status("reservation")
    assert (status["broker"], status["lag"], status["ready"]) == (False, None, True)
    assert status["unsent"] == 5
    assert (await shop.status("payment"))["unsent"] == 4
    assert await total(kim, "/myPages") == 0
    shop.log.unavailable = False
    await shop.settle()
    assert (await shop.status("reservation"))["unsent"] == 0
    assert await statuses(kim, made[0]) == ("예약취소", "결제취소", "배정해제")
    assert {await statuses(kim, reserve_id) for reserve_id in made[1:]} == {
        ("예약완료", "결제예정", "배정완료")
    }
    await assert_all_agree(shop)


async def test_a_shop_that_starts_without_its_broker_takes_reservations(shop: Shop) -> None:
    await given_a_bike(shop)
    shop.log.unavailable = True
    for name in ("payment", "reservation", "mypage"):
        await shop.restart(name)
    kim = shop.person("kim", "buyer")

    reserve_id = await given_a_reservation(kim)

    shop.log.unavailable = False
    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약완료", "결제예정", "배정완료")
    await assert_all_agree(shop)
