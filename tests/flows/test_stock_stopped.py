"""While stock is stopped, reservations go on within the units that are available to reserve."""

from tests.flows.given import (
    all_of,
    assert_all_agree,
    copy_of,
    given_a_bike,
    given_a_reservation,
    given_an_answer,
    statuses,
    total,
)
from tests.flows.in_process_shop import Shop


async def test_reservations_go_on_and_are_allocated_once_stock_is_started(shop: Shop) -> None:
    await given_a_bike(shop, units=3)
    kim = shop.person("kim", "buyer")
    await shop.stop("stock")

    made = [await given_a_reservation(kim) for _ in range(3)]
    refused = await given_an_answer(kim)

    assert (refused.status, refused.body["type"]) == (409, "/problems/sold-out")
    await shop.settle()
    assert (await copy_of(shop)).unanswered == 3
    assert {await statuses(kim, reserve_id) for reserve_id in made} == {
        ("예약완료", "결제예정", "배정대기")
    }
    await shop.start("stock")
    await shop.settle()
    assert {await statuses(kim, reserve_id) for reserve_id in made} == {
        ("예약완료", "결제예정", "배정완료")
    }
    await assert_all_agree(shop)


async def test_a_reservation_cancelled_while_stock_is_stopped_gets_no_unit(shop: Shop) -> None:
    await given_a_bike(shop, units=2)
    kim = shop.person("kim", "buyer")
    await shop.stop("stock")
    first, second = [await given_a_reservation(kim) for _ in range(2)]

    assert (await kim.request("DELETE", f"/reservations/{first}")).status == 200
    assert (
        await given_an_answer(kim)
    ).status == 409  # stock has not answered the cancelled one yet

    await shop.start("stock")
    await shop.settle()
    assert await statuses(kim, first) == ("예약취소", "결제취소", "배정해제")
    assert await statuses(kim, second) == ("예약완료", "결제예정", "배정완료")
    await given_a_reservation(kim)
    await shop.settle()
    await assert_all_agree(shop)


async def test_reservations_beyond_the_stock_are_cancelled_with_their_payments(shop: Shop) -> None:
    await given_a_bike(shop, units=2)
    await shop.restart("reservation", ROADBIKE_OVERBOOK="3")
    kim = shop.person("kim", "buyer")
    await shop.stop("stock")
    for _ in range(5):
        await given_a_reservation(kim)
    assert (await given_an_answer(kim)).status == 409

    await shop.start("stock")
    await shop.settle()

    pages = await all_of(kim, "/myPages")
    names = ("reserveStatus", "payStatus", "stockStatus")
    shown = sorted(tuple(page[name] for name in names) for page in pages)
    assert shown == sorted(
        [("예약완료", "결제예정", "배정완료")] * 2 + [("예약취소", "결제취소", "품절")] * 3
    )
    assert await total(kim) == 5
    await assert_all_agree(shop)
