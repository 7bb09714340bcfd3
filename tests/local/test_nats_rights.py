"""What a service's NATS user may do, checked on the real server as the supervisor starts it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from roadbike.kit.messaging import broker as brokers
from roadbike.kit.messaging.broker import Broker, Message
from tests.local.stub_shop import StubShop


async def refusal(shop: StubShop, user: str, act: Callable[[Client], Awaitable[object]]) -> str:
    """Return the error that the server reports when `act` is done as that user."""
    errors: asyncio.Queue[str] = asyncio.Queue()

    async def note(error: Exception) -> None:
        errors.put_nowait(str(error).lower())

    client = await nats.connect(
        shop.shop_json["brokers"][user], error_cb=note, allow_reconnect=False
    )
    try:
        await act(client)
        return await asyncio.wait_for(errors.get(), 5)
    finally:
        await client.close()


async def connected(shop: StubShop, user: str) -> Broker:
    broker = brokers.connect(shop.shop_json["brokers"][user], user)
    async with asyncio.timeout(10):
        while not broker.connected:  # noqa: ASYNC110  the interface has no event for it
            await asyncio.sleep(0)
    return broker


async def test_a_connection_needs_the_right_password(shop: StubShop) -> None:
    address = f"nats://127.0.0.1:{shop.base + 11}"

    for url in (address, address.replace("//", "//stock:wrong@")):
        with pytest.raises(nats.errors.Error, match="uthorization"):
            await nats.connect(url, allow_reconnect=False)


@pytest.mark.parametrize(
    "subject",
    [
        "bike.payment.x",
        "$JS.API.STREAM.DELETE.bike-stock",
        "$JS.API.STREAM.PURGE.bike-payment",
        "$JS.API.STREAM.UPDATE.bike-payment",
        "$JS.API.CONSUMER.DURABLE.CREATE.bike-payment.mypage",
        "$JS.API.CONSUMER.DELETE.bike-payment.mypage",
        "$JS.ACK.bike-payment.mypage.1.1.1.1.0",
        "_INBOX_payment.x",
    ],
)
async def test_stock_may_not_publish_or_administer_for_others(shop: StubShop, subject: str) -> None:
    error = await refusal(shop, "stock", lambda client: client.publish(subject, b"{}"))

    assert "permissions violation" in error


@pytest.mark.parametrize("subject", ["bike.payment.>", "_INBOX_payment.>", ">"])
async def test_stock_may_not_subscribe_to_the_subjects_of_others(
    shop: StubShop, subject: str
) -> None:
    error = await refusal(shop, "stock", lambda client: client.subscribe(subject))

    assert "permissions violation" in error


async def test_one_service_publishes_and_another_consumes(shop: StubShop) -> None:
    stock, mypage = await connected(shop, "stock"), await connected(shop, "mypage")
    sent = message()

    try:
        async with asyncio.timeout(10):
            await stock.declare("bike.stock")
            await stock.send([sent])
            consumed = await (await mypage.subscribe("mypage", "bike.stock")).fetch(10, wait=5)
    finally:
        await stock.close()
        await mypage.close()

    assert [each.message.event_id for each in consumed] == [sent.event_id]


def message() -> Message:
    return Message(
        event_id=uuid4(),
        type="bike.StockRegistered.v1",
        source="stock",
        topic="bike.stock",
        key="1",
        time=datetime.now(UTC),
        traceparent=None,
        data=b"{}",
    )
