"""One NATS user per service, and what it may not do."""

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
from tests.kit.broker.messages import a_message, everything, until, until_connected
from tests.kit.broker.nats_server import NatsServer

TELLS = {"stock": "bike.stock", "payment": "bike.payment", "mypage": None}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    users = {service: permissions(service, topic) for service, topic in TELLS.items()}
    server = NatsServer(tmp_path, users=users)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def brokers(server: NatsServer) -> AsyncIterator[dict[str, NatsBroker]]:
    """One of each service, connected, the topics made."""
    async with AsyncExitStack() as stack:
        made = {name: NatsBroker(server.url(name), name, patience=0.3) for name in TELLS}
        for name, broker in made.items():
            stack.push_async_callback(broker.close)
            await until_connected(broker)
            if topic := TELLS[name]:
                await broker.declare(topic)
        yield made


async def test_each_service_tells_its_own_and_hears_all(brokers: dict[str, NatsBroker]) -> None:
    for topic in ("bike.stock", "bike.payment"):
        await brokers[topic.removeprefix("bike.")].send([of(topic), of(topic)])
    await brokers["stock"].send([of("bike.stock")])

    for name in TELLS:
        for topic, count in (("bike.stock", 3), ("bike.payment", 2)):
            hearer = await brokers[name].subscribe(name, topic)
            received = await everything(hearer, count)
            assert len(received) == count
            await hearer.nak(received[:1], 0)
            await hearer.ack([*received[1:], *await everything(hearer, 1)])
            assert await hearer.lag() == 0


async def test_nobody_tells_in_the_name_of_another(brokers: dict[str, NatsBroker]) -> None:
    forged = [of("bike.payment"), of("bike.payment")]

    for name in ("stock", "mypage"):
        with pytest.raises(BrokerUnavailable, match="permissions violation"):
            await brokers[name].send(forged)
        with pytest.raises(BrokerUnavailable, match="permissions violation"):
            await brokers[name].send(forged[:1])
        with pytest.raises(BrokerUnavailable, match="permissions violation"):
            await brokers[name].declare("bike.payment")

    hearer = await brokers["payment"].subscribe("payment", "bike.payment")
    assert await hearer.lag() == 0


async def test_nobody_hears_in_the_name_of_another(brokers: dict[str, NatsBroker]) -> None:
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

    await until(lambda: any("permissions violation for publish" in one for one in errors))
    await stock.close()


@pytest.mark.parametrize("subject", ["bike.>", ">", "_INBOX_mypage.>", "_INBOX.>", "$JS.>"])
async def test_a_service_may_not_listen_to(server: NatsServer, subject: str) -> None:
    stock, errors = await _raw(server, "stock")

    await stock.subscribe(subject)

    await until(lambda: any("permissions violation for subscription" in one for one in errors))
    await stock.close()


async def test_without_a_user_there_is_no_connection(server: NatsServer) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(nats.errors.Error, match="Authorization"):
            await nats.connect(server.url(), allow_reconnect=False)


async def _raw(server: NatsServer, user: str) -> tuple[Client, list[str]]:
    errors: list[str] = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    return await nats.connect(server.url(user), error_cb=note), errors


def of(topic: str) -> Message:
    return replace(a_message(), topic=topic)
