"""Each service has a NATS user; what it may do and what is denied."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from roadbike.kit.messaging.broker import BrokerUnavailable, Message
from roadbike.kit.messaging.broker.nats import NatsBroker, permissions
from tests.kit.broker.messages import a_message, fetch_all, wait_until, wait_until_connected
from tests.kit.broker.nats_server import NatsServer

TOPICS = {"stock": "bike.stock", "payment": "bike.payment", "mypage": None}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    users = {service: permissions(service, topic) for service, topic in TOPICS.items()}
    server = NatsServer(tmp_path, users=users)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def brokers(server: NatsServer) -> AsyncIterator[dict[str, NatsBroker]]:
    """Connected brokers by service; the topics are declared."""
    async with AsyncExitStack() as stack:
        connected = {name: NatsBroker(server.url(name), name, timeout=0.3) for name in TOPICS}
        for name, broker in connected.items():
            stack.push_async_callback(broker.close)
            await wait_until_connected(broker)
            if topic := TOPICS[name]:
                await broker.declare(topic)
        yield connected


async def test_each_service_sends_to_its_own_topic_and_consumes_all(
    brokers: dict[str, NatsBroker],
) -> None:
    for topic in ("bike.stock", "bike.payment"):
        await brokers[topic.removeprefix("bike.")].send([message_to(topic), message_to(topic)])
    await brokers["stock"].send([message_to("bike.stock")])

    for name in TOPICS:
        for topic, count in (("bike.stock", 3), ("bike.payment", 2)):
            subscription = await brokers[name].subscribe(name, topic)
            received = await fetch_all(subscription, count)
            assert len(received) == count
            await subscription.nak(received[:1], 0)
            await subscription.ack([*received[1:], *await fetch_all(subscription, 1)])
            assert await subscription.lag() == 0


async def test_a_service_cannot_send_to_the_topic_of_another(
    brokers: dict[str, NatsBroker],
) -> None:
    forged = [message_to("bike.payment"), message_to("bike.payment")]

    for name in ("stock", "mypage"):
        with pytest.raises(BrokerUnavailable, match="permissions violation"):
            await brokers[name].send(forged)
        with pytest.raises(BrokerUnavailable, match="permissions violation"):
            await brokers[name].send(forged[:1])
        with pytest.raises(BrokerUnavailable, match="permissions violation"):
            await brokers[name].declare("bike.payment")

    subscription = await brokers["payment"].subscribe("payment", "bike.payment")
    assert await subscription.lag() == 0


async def test_a_service_cannot_consume_in_the_name_of_another(
    brokers: dict[str, NatsBroker],
) -> None:
    with pytest.raises(BrokerUnavailable, match="permissions violation"):
        await brokers["stock"].subscribe("mypage", "bike.payment")


DENIED = [
    "bike.payment.1",
    "bike.stock",
    "$JS.API.STREAM.CREATE.bike-payment",
    "$JS.API.STREAM.CREATE.mine",
    "$JS.API.STREAM.UPDATE.bike-payment",
    "$JS.API.STREAM.DELETE.bike-payment",
    "$JS.API.STREAM.DELETE.bike-stock",
    "$JS.API.STREAM.PURGE.bike-payment",
    "$JS.API.STREAM.MSG.DELETE.bike-stock",
    "$JS.API.STREAM.MSG.GET.bike-payment",
    "$JS.API.CONSUMER.CREATE.bike-payment",
    "$JS.API.CONSUMER.CREATE.bike-payment.mypage",
    "$JS.API.CONSUMER.DELETE.bike-payment.mypage",
    "$JS.API.CONSUMER.MSG.NEXT.bike-payment.mypage",
    "$JS.ACK.bike-payment.mypage.1.1.1.1.0",
    "_INBOX_mypage.x",
    "$SYS.REQ.SERVER.PING",
]


@pytest.mark.parametrize("subject", DENIED)
async def test_a_service_may_not_publish_to(server: NatsServer, subject: str) -> None:
    stock, errors = await _raw(server, "stock")

    await stock.publish(subject, b"{}", reply="_INBOX_stock.x")

    await wait_until(lambda: any("permissions violation for publish" in error for error in errors))
    await stock.close()


@pytest.mark.parametrize("subject", ["bike.>", ">", "_INBOX_mypage.>", "_INBOX.>", "$JS.>"])
async def test_a_service_may_not_subscribe_to(server: NatsServer, subject: str) -> None:
    stock, errors = await _raw(server, "stock")

    await stock.subscribe(subject)

    await wait_until(
        lambda: any("permissions violation for subscription" in error for error in errors)
    )
    await stock.close()


async def test_a_connection_without_a_user_is_refused(server: NatsServer) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(nats.errors.Error, match="Authorization"):
            await nats.connect(server.url(), allow_reconnect=False)


async def _raw(server: NatsServer, user: str) -> tuple[Client, list[str]]:
    errors: list[str] = []

    async def record(error: Exception) -> None:
        errors.append(str(error))

    return await nats.connect(server.url(user), error_cb=record), errors


def message_to(topic: str) -> Message:
    return replace(a_message(), topic=topic)
