"""Payment is away: no reservation without it, but a cancel works and is made good."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from signal import SIGCONT, SIGSTOP

import aiohttp
import pytest

from tests.system.real_shop import Shop
from tests.system.shop_client import ShopClient, until

SLOWEST_REFUSAL = 700  # milliseconds
MADE_GOOD = 5  # seconds
TRIES = 3  # fewer than open the breaker

Without = Callable[[ShopClient], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def stopped(client: ShopClient) -> AsyncIterator[None]:
    """`roadbike stop payment`, in the end `roadbike start payment`."""
    await client.shop.roadbike_ok("stop", "payment")
    try:
        yield
    finally:
        await client.shop.roadbike_ok("start", "payment")


@asynccontextmanager
async def frozen(client: ShopClient) -> AsyncIterator[None]:
    """It is there and takes connections, but answers nobody."""
    pid = client.shop.pids["payment"]
    os.kill(pid, SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, SIGCONT)
        await until_it_answers(client, client.shop)


async def until_it_answers(client: ShopClient, shop: Shop) -> None:
    async def look() -> int:
        try:
            async with client.http.get(f"{shop.address('payment')}/readyz") as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    await until(look, lambda status: status == 200, "payment answers")


@pytest.mark.parametrize("without", [stopped, frozen])
async def test_without_payment_there_is_no_reservation(
    client: ShopClient, without: Without
) -> None:
    bike_id = await client.bike(units=5)
    buyer = client.buyer()
    await buyer.reserved(bike_id)

    async with without(client):
        refusals = [await buyer.reserve(bike_id) for _ in range(TRIES)]
        total = await buyer.total("/reservations")
        of_all = await client.admin.total("/reservations")

    assert {refusal.status for refusal in refusals} == {503}
    assert max(refusal.ms for refusal in refusals) <= SLOWEST_REFUSAL
    assert all(float(refusal.headers["Retry-After"]) > 0 for refusal in refusals)
    assert {refusal.body["type"] for refusal in refusals} == {"/problems/payment-unavailable"}
    assert total == 1
    assert of_all == await client.admin.total("/reservations")

    reserve_id = await buyer.reserved(bike_id)

    assert (await buyer.payment_of(reserve_id))["payStatus"] == "결제예정"
    await client.settle()
    assert await buyer.total("/reservations") == await buyer.total("/myPages") == 2
    payments = (await buyer.get("/payments"))["_embedded"]["payments"]
    assert {payment["payStatus"] for payment in payments} == {"결제예정"}
    assert (await buyer.get(f"/stocks/{bike_id}"))["reserveQty"] == 2


async def test_what_is_started_again_is_reached_by_the_next_request(client: ShopClient) -> None:
    buyer = client.buyer()
    for _ in range(3):
        async with stopped(client):
            assert (await buyer.ask("GET", "/payments")).status == 503
        assert (await buyer.ask("GET", "/payments")).status == 200


async def test_a_cancel_works_while_payment_is_away_and_is_made_good(client: ShopClient) -> None:
    buyer = client.buyer()
    reserve_id = await buyer.reserved(await client.bike(units=1))
    await client.settle()
    at = f"/reservations/{reserve_id}"

    async with stopped(client):
        cancelled = await buyer.ask("PATCH", at, {"reserveStatus": "예약취소"})
        read = await buyer.get(at)
        await client.eventually(buyer, f"/myPages/{reserve_id}", reserveStatus="예약취소")

    assert (cancelled.status, cancelled.body["reserveStatus"]) == (200, "예약취소")
    assert cancelled.ms <= SLOWEST_REFUSAL
    assert read["reserveStatus"] == "예약취소"
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    await client.eventually(buyer, f"/payments/{pay_id}", MADE_GOOD, payStatus="결제취소")
    await client.eventually(buyer, f"/myPages/{reserve_id}", payStatus="결제취소")


async def test_what_was_paid_is_given_back_after_a_cancel_without_payment(
    client: ShopClient,
) -> None:
    buyer = client.buyer()
    reserve_id = await buyer.reserved(await client.bike(units=1))
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    await buyer.ask("PATCH", f"/payments/{pay_id}", {"payStatus": "결제완료"})
    await client.eventually(buyer, f"/myPages/{reserve_id}", deliveryStatus="배송준비")

    async with stopped(client):
        cancelled = await buyer.ask("DELETE", f"/reservations/{reserve_id}")
        await client.eventually(buyer, f"/myPages/{reserve_id}", deliveryStatus="배송취소")

    assert cancelled.status == 200
    page = await client.eventually(buyer, f"/myPages/{reserve_id}", payStatus="결제취소")
    assert page["reserveStatus"] == "예약취소"
