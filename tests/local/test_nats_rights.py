"""What a service's NATS user may do, checked on the real server as the supervisor starts it."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from roadbike.kit.messaging import broker as brokers
from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, Message
from tests.local.stub_shop import StubShop

T = TypeVar("T")


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
        "$JS.API.STREAM.UPDATE.bike-stock",
        "$JS.API.CONSUMER.CREATE.bike-payment.stock",
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
    assert await is_delivered(shop, message())


async def test_what_the_broker_has_lost_is_made_again(shop: StubShop) -> None:
    shop.command("stop", "nats")
    lost = shop.home.path / "nats" / "data" / "jetstream"
    shutil.rmtree(lost)
    shop.command("start", "nats")

    assert await is_delivered(shop, message())
    assert lost.exists()


async def test_after_its_end_the_set_up_job_is_started_again(shop: StubShop) -> None:
    shop.command("kill", "set-up")
    shop.command("start", "set-up")  # waits until it has made everything
    stock = await connected(shop, "stock")

    try:
        (mark,) = await stock.send([message()])
        await stock.start_over("bike.stock", lost=mark)
    finally:
        await stock.close()

    assert await is_delivered(shop, message())


def test_the_command_makes_what_is_missing(shop: StubShop) -> None:
    command = [sys.executable, "-m", "roadbike", "set-up-broker", "--home", shop.home.path]

    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  own

    assert done.stdout == "4 topics are set up\n"


async def is_delivered(shop: StubShop, sent: Message) -> bool:
    """Send as stock and consume as my page; topic and group may be missing for a while."""
    stock, mypage = await connected(shop, "stock"), await connected(shop, "mypage")
    try:
        async with asyncio.timeout(15):
            await until_available(lambda: stock.send([sent]))
            group = await until_available(lambda: mypage.subscribe("mypage", "bike.stock"))
            while sent.event_id not in [r.message.event_id for r in await group.fetch(10, wait=5)]:
                pass
            return True
    finally:
        await stock.close()
        await mypage.close()


async def until_available(attempt: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await attempt()
        except BrokerUnavailable:
            await asyncio.sleep(0.1)


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
