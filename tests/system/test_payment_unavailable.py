"""Without payment, reservations are refused; cancels work, and are completed once it is back."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from signal import SIGCONT, SIGSTOP

import aiohttp
import pytest

from tests.system.real_shop import Shop
from tests.system.shop_client import ShopClient, until

pytestmark = pytest.mark.any_stack

REFUSAL_MS = 700
STOPPED_REFUSAL_MS = 100
CANCEL_SECONDS = 5
TRIES = 3  # too few to open the breaker

Without = Callable[[ShopClient], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def stopped(client: ShopClient) -> AsyncIterator[None]:
    """Stop payment inside the block, with `roadbike stop` and `roadbike start`."""
    await client.shop.roadbike_ok("stop", "payment")
    try:
        yield
    finally:
        await client.shop.roadbike_ok("start", "payment")


@asynccontextmanager
async def frozen(client: ShopClient) -> AsyncIterator[None]:
    """Suspend payment inside the block: it accepts connections but does not respond."""
    pid = client.shop.pids["payment"]
    os.kill(pid, SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, SIGCONT)
        await wait_until_it_responds(client, client.shop)


async def wait_until_it_responds(client: ShopClient, shop: Shop) -> None:
    async def look() -> int:
        try:
            async with client.http.get(f"{shop.address('payment')}/readyz") as response:
                return response.status
        except aiohttp.ClientError:
            return 0

    await until(look, lambda status: status == 200, "payment responds")


async def test_reservation_knows_at_once_that_a_stopped_payment_opened_nothing(
    client: ShopClient,
) -> None:
    bike_id = await client.bike(units=TRIES)
    buyer = client.buyer(direct=True)
    await buyer.reserved(bike_id)  # so that the next request finds everything loaded

    async with stopped(client):
        refusals = [await buyer.reserve(bike_id) for _ in range(TRIES)]
        pending = (await client.status("reservation"))["pending"]

    assert {refusal.status for refusal in refusals} == {503}
    assert {refusal.body["type"] for refusal in refusals} == {"/problems/payment-unavailable"}
    assert min(refusal.ms for refusal in refusals) <= STOPPED_REFUSAL_MS
    assert pending == 0  # nobody has to wait for the resolver


@pytest.mark.parametrize("without", [stopped, frozen])
async def test_without_payment_reservations_are_refused(
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
    assert max(refusal.ms for refusal in refusals) <= REFUSAL_MS
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


async def test_the_next_request_reaches_a_service_that_was_started_again(
    client: ShopClient,
) -> None:
    buyer = client.buyer()
    for _ in range(3):
        async with stopped(client):
            assert (await buyer.request("GET", "/payments")).status == 503
        assert (await buyer.request("GET", "/payments")).status == 200


async def test_a_cancel_works_while_payment_is_stopped_and_reaches_it_afterwards(
    client: ShopClient,
) -> None:
    buyer = client.buyer()
    reserve_id = await buyer.reserved(await client.bike(units=1))
    await client.settle()
    path = f"/reservations/{reserve_id}"

    async with stopped(client):
        cancelled = await buyer.request("PATCH", path, {"reserveStatus": "예약취소"})
        read = await buyer.get(path)
        await client.eventually(buyer, f"/myPages/{reserve_id}", reserveStatus="예약취소")

    assert (cancelled.status, cancelled.body["reserveStatus"]) == (200, "예약취소")
    assert cancelled.ms <= REFUSAL_MS
    assert read["reserveStatus"] == "예약취소"
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    await client.eventually(buyer, f"/payments/{pay_id}", CANCEL_SECONDS, payStatus="결제취소")
    await client.eventually(buyer, f"/myPages/{reserve_id}", payStatus="결제취소")


async def test_a_paid_purchase_cancelled_while_payment_is_stopped_is_refunded(
    client: ShopClient,
) -> None:
    buyer = client.buyer()
    reserve_id = await buyer.reserved(await client.bike(units=1))
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    await buyer.request("PATCH", f"/payments/{pay_id}", {"payStatus": "결제완료"})
    await client.eventually(buyer, f"/myPages/{reserve_id}", deliveryStatus="배송준비")

    async with stopped(client):
        cancelled = await buyer.request("DELETE", f"/reservations/{reserve_id}")
        await client.eventually(buyer, f"/myPages/{reserve_id}", deliveryStatus="배송취소")

    assert cancelled.status == 200
    page = await client.eventually(buyer, f"/myPages/{reserve_id}", payStatus="결제취소")
    assert page["reserveStatus"] == "예약취소"
