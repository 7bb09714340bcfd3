"""While payment is stopped, reservations are refused in time; cancels reach it afterwards."""

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


async def test_a_reservation_is_refused_in_time_without_a_trace_and_made_once_payment_is_started(
    shop: Shop,
) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")
    await given_a_reservation(kim)
    await shop.settle()
    await shop.stop("payment")
    loop = asyncio.get_running_loop()

    seconds = []
    for _ in range(3):
        start = loop.time()
        refused = await kim.post("/reservations", {"bikeId": 1}, Idempotency_Key="mine")
        seconds.append(loop.time() - start)
        assert (refused.status, refused.body["type"]) == (503, "/problems/payment-unavailable")
        assert int(refused.headers["Retry-After"]) >= 1

    assert min(seconds) < 0.7
    await shop.settle()
    assert await total(kim) == 1
    assert (await count_rows(shop.db("reservation")))[1] == 1  # the key of the first reservation
    assert (await copy_of(shop)).unanswered == 0
    assert await total(kim, "/myPages") == 1
    await shop.start("payment")
    reserve_id = await given_a_reservation(kim)
    await shop.settle()
    (payment,) = (await kim.get(f"/payments?reserveId={reserve_id}")).body["_embedded"]["payments"]
    assert payment["payStatus"] == "결제예정"
    assert await total(shop.admin, "/payments") == 2
    await assert_all_agree(shop)


async def test_a_cancel_works_without_payment_and_reaches_it_once_it_is_started(shop: Shop) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")
    reserve_id = await given_a_reservation(kim)
    await shop.settle()
    await shop.stop("payment")

    cancelled = await kim.request("DELETE", f"/reservations/{reserve_id}")

    assert (cancelled.status, cancelled.body["reserveStatus"]) == (200, "예약취소")
    read = await kim.get(f"/reservations/{reserve_id}")
    assert read.body["reserveStatus"] == "예약취소"
    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약취소", "결제예정", "배정해제")
    await shop.start("payment")
    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약취소", "결제취소", "배정해제")
    await assert_all_agree(shop)


async def test_a_stopped_payment_opens_the_breaker_until_it_is_started(small_shop: Shop) -> None:
    shop = small_shop
    await given_a_bike(shop, units=FEWEST_CALLS + 10)
    kim = shop.person("kim", "buyer")
    await shop.stop("payment")
    await until(lambda: _breaker_is_open(shop))
    await shop.settle()
    rows = await count_rows(shop.db("reservation"))
    loop = asyncio.get_running_loop()

    seconds = []
    for _ in range(20):
        start = loop.time()
        refused = await kim.reserve(1)
        seconds.append(loop.time() - start)
        assert (refused.status, refused.body["type"]) == (503, "/problems/unavailable")
        assert 1 <= int(refused.headers["Retry-After"]) <= 10  # 6 s, and up to 4 more

    assert sorted(seconds)[5] < 0.05
    assert await count_rows(shop.db("reservation")) == rows
    assert (await kim.get("/reservations")).status == 200
    await shop.start("payment")
    await until(lambda: _can_reserve(shop))
    await shop.settle()
    assert await total(kim) == await total(kim, "/payments") == 1


async def _breaker_is_open(shop: Shop) -> bool:
    kim = shop.person("kim", "buyer")
    responses = await asyncio.gather(*[kim.reserve(1) for _ in range(FEWEST_CALLS)])
    assert {response.status for response in responses} == {503}
    return {response.body["type"] for response in responses} == {"/problems/unavailable"}


async def _can_reserve(shop: Shop) -> bool:
    return (await shop.person("kim", "buyer").reserve(1)).status == 201
