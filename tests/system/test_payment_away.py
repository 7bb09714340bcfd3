"""Payment is away: no reservation without it, but a cancel works and is made good."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from signal import SIGCONT, SIGSTOP

import aiohttp
import pytest

from tests.system.shop import Shop
from tests.system.visit import Visit, until

SLOWEST_REFUSAL = 700  # milliseconds
MADE_GOOD = 5  # seconds
TRIES = 3  # fewer than open the breaker

Without = Callable[[Visit], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def stopped(visit: Visit) -> AsyncIterator[None]:
    """`roadbike stop payment`, in the end `roadbike start payment`."""
    await visit.shop.obey("stop", "payment")
    try:
        yield
    finally:
        await visit.shop.obey("start", "payment")


@asynccontextmanager
async def frozen(visit: Visit) -> AsyncIterator[None]:
    """It is there and takes connections, but answers nobody."""
    pid = visit.shop.pids["payment"]
    os.kill(pid, SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, SIGCONT)
        await until_it_answers(visit, visit.shop)


async def until_it_answers(visit: Visit, shop: Shop) -> None:
    async def look() -> int:
        try:
            async with visit.http.get(f"{shop.address('payment')}/readyz") as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    await until(look, lambda status: status == 200, "payment answers")


@pytest.mark.parametrize("without", [stopped, frozen])
async def test_without_payment_there_is_no_reservation(visit: Visit, without: Without) -> None:
    bike_id = await visit.bike(units=5)
    buyer = visit.buyer()
    await buyer.reserved(bike_id)

    async with without(visit):
        refusals = [await buyer.reserve(bike_id) for _ in range(TRIES)]
        total = await buyer.total("/reservations")
        of_all = await visit.admin.total("/reservations")

    assert {refusal.status for refusal in refusals} == {503}
    assert max(refusal.ms for refusal in refusals) <= SLOWEST_REFUSAL
    assert all(float(refusal.headers["Retry-After"]) > 0 for refusal in refusals)
    assert {refusal.body["type"] for refusal in refusals} == {"/problems/payment-unavailable"}
    assert total == 1
    assert of_all == await visit.admin.total("/reservations")

    reserve_id = await buyer.reserved(bike_id)

    assert (await buyer.payment_of(reserve_id))["payStatus"] == "결제예정"
    await visit.settle()
    assert await buyer.total("/reservations") == await buyer.total("/myPages") == 2
    payments = (await buyer.get("/payments"))["_embedded"]["payments"]
    assert {payment["payStatus"] for payment in payments} == {"결제예정"}
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == 2


async def test_what_is_started_again_is_reached_by_the_next_request(visit: Visit) -> None:
    buyer = visit.buyer()
    for _ in range(3):
        async with stopped(visit):
            assert (await buyer.ask("GET", "/payments")).status == 503
        assert (await buyer.ask("GET", "/payments")).status == 200


async def test_a_cancel_works_while_payment_is_away_and_is_made_good(visit: Visit) -> None:
    buyer = visit.buyer()
    reserve_id = await buyer.reserved(await visit.bike(units=1))
    await visit.settle()
    at = f"/reservations/{reserve_id}"

    async with stopped(visit):
        cancelled = await buyer.ask("PATCH", at, {"reserveStatus": "예약취소"})
        read = await buyer.get(at)
        await visit.eventually(buyer, f"/myPages/{reserve_id}", reserveStatus="예약취소")

    assert (cancelled.status, cancelled.body["reserveStatus"]) == (200, "예약취소")
    assert cancelled.ms <= SLOWEST_REFUSAL
    assert read["reserveStatus"] == "예약취소"
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    await visit.eventually(buyer, f"/payments/{pay_id}", MADE_GOOD, payStatus="결제취소")
    await visit.eventually(buyer, f"/myPages/{reserve_id}", payStatus="결제취소")


async def test_what_was_paid_is_given_back_after_a_cancel_without_payment(visit: Visit) -> None:
    buyer = visit.buyer()
    reserve_id = await buyer.reserved(await visit.bike(units=1))
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    await buyer.ask("PATCH", f"/payments/{pay_id}", {"payStatus": "결제완료"})
    await visit.eventually(buyer, f"/myPages/{reserve_id}", deliveryStatus="배송준비")

    async with stopped(visit):
        cancelled = await buyer.ask("DELETE", f"/reservations/{reserve_id}")
        await visit.eventually(buyer, f"/myPages/{reserve_id}", deliveryStatus="배송취소")

    assert cancelled.status == 200
    page = await visit.eventually(buyer, f"/myPages/{reserve_id}", payStatus="결제취소")
    assert page["reserveStatus"] == "예약취소"
