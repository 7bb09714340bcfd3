"""Payment is not there: refused in time, nothing left behind, made good when it is back."""

import asyncio

from roadbike.kit.resilience.breaker import FEWEST_CALLS
from tests.flows.given import (
    assert_all_agree,
    copy_of,
    given_a_bike,
    given_a_reservation,
    statuses,
    total,
)
from tests.flows.in_process_shop import Shop, until
from tests.reservation.service_harness import count_rows


async def test_a_reservation_is_refused_in_time_and_leaves_nothing_and_is_made_once_payment_is_back(
    shop: Shop,
) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")
    await given_a_reservation(kim)
    await shop.settle()
    await shop.stop("payment")
    loop = asyncio.get_running_loop()

    took = []
    for _ in range(3):
        begun = loop.time()
        refused = await kim.post("/reservations", {"bikeId": 1}, Idempotency_Key="mine")
        took.append(loop.time() - begun)
        assert (refused.status, refused.body["type"]) == (503, "/problems/payment-unavailable")
        assert int(refused.headers["Retry-After"]) >= 1

    assert min(took) < 0.7
    await shop.settle()
    assert await total(kim) == 1
    assert (await count_rows(shop.db("reservation")))[1] == 0
    assert (await copy_of(shop)).unanswered == 0
    assert await total(kim, "/myPages") == 1
    await shop.start("payment")
    reserve_id = await given_a_reservation(kim)
    await shop.settle()
    (payment,) = (await kim.get(f"/payments?reserveId={reserve_id}")).body["_embedded"]["payments"]
    assert payment["payStatus"] == "결제예정"
    assert await total(shop.admin, "/payments") == 2
    await assert_all_agree(shop)


async def test_a_cancel_needs_no_payment_and_reaches_it_once_it_is_back(shop: Shop) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")
    reserve_id = await given_a_reservation(kim)
    await shop.settle()
    await shop.stop("payment")

    cancelled = await kim.ask("DELETE", f"/reservations/{reserve_id}")

    assert (cancelled.status, cancelled.body["reserveStatus"]) == (200, "예약취소")
    read = await kim.get(f"/reservations/{reserve_id}")
    assert read.body["reserveStatus"] == "예약취소"
    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약취소", "결제예정", "배정해제")
    await shop.start("payment")
    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약취소", "결제취소", "배정해제")
    await assert_all_agree(shop)


async def test_a_dead_payment_opens_the_breaker_until_it_is_back(small_shop: Shop) -> None:
    shop = small_shop
    await given_a_bike(shop, units=FEWEST_CALLS + 10)
    kim = shop.person("kim", "buyer")
    await shop.stop("payment")
    await until(lambda: _is_left_alone(shop))
    await shop.settle()
    rows = await count_rows(shop.db("reservation"))
    loop = asyncio.get_running_loop()

    took = []
    for _ in range(20):
        begun = loop.time()
        refused = await kim.reserve(1)
        took.append(loop.time() - begun)
        assert (refused.status, refused.body["type"]) == (503, "/problems/unavailable")
        assert 1 <= int(refused.headers["Retry-After"]) <= 6

    assert sorted(took)[5] < 0.05
    assert await count_rows(shop.db("reservation")) == rows
    assert (await kim.get("/reservations")).status == 200
    await shop.start("payment")
    await until(lambda: _is_made(shop))
    await shop.settle()
    assert await total(kim) == await total(kim, "/payments") == 1


async def _is_left_alone(shop: Shop) -> bool:
    kim = shop.person("kim", "buyer")
    tried = await asyncio.gather(*[kim.reserve(1) for _ in range(FEWEST_CALLS)])
    assert {answer.status for answer in tried} == {503}
    return {answer.body["type"] for answer in tried} == {"/problems/unavailable"}


async def _is_made(shop: Shop) -> bool:
    return (await shop.person("kim", "buyer").reserve(1)).status == 201
