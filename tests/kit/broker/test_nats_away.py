"""NATS killed, hanging, not there yet, or with its disk lost."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import pytest

from roadbike.kit.messaging.broker import BrokerUnavailable, Mark, Message, connect
from roadbike.kit.messaging.broker.nats import NatsBroker
from tests.kit.broker.conftest import ConnectNats
from tests.kit.broker.messages import TOPIC, a_message, everything, messages, until, until_connected
from tests.kit.broker.nats_server import NatsServer

IMPATIENT = 0.3  # seconds


async def test_a_killed_server_loses_nothing_acknowledged(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    teller = await connect_nats()
    await teller.declare(TOPIC)
    published: list[Mark] = []

    async def publish_until_away() -> None:
        while True:
            published.extend(await teller.send(messages(50)))

    publishing = asyncio.create_task(publish_until_away())
    await until(lambda: len(published) > 500)
    nats_server.kill()
    with pytest.raises(BrokerUnavailable):
        await publishing
    nats_server.start()

    published += await again_until_published(teller, [a_message("after")])
    hearer = await teller.subscribe("mypage", TOPIC)
    heard = await everything(hearer, published[-1].position)
    assert {mark.position for mark in published} <= {one.position for one in heard}
    assert len({mark.incarnation for mark in published}) == 1


async def test_publishing_to_a_dead_server_fails_at_once(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    teller = await connect_nats()
    await teller.declare(TOPIC)
    nats_server.kill()
    await until(lambda: not teller.connected)

    async with asyncio.timeout(0.2):
        with pytest.raises(BrokerUnavailable):
            await teller.send(messages(3))


async def test_a_call_in_flight_fails_as_soon_as_the_server_dies(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    teller = await connect_nats()
    await teller.declare(TOPIC)
    nats_server.pause()
    publishing = asyncio.create_task(teller.send(messages(3)))
    await asyncio.sleep(0)

    nats_server.kill()

    async with asyncio.timeout(2):
        with pytest.raises(BrokerUnavailable):
            await publishing


async def test_a_subscription_goes_on_by_itself(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.declare(TOPIC)
    hearer = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(3))
    before = await everything(hearer, 3)
    waiting = asyncio.create_task(hearer.fetch(10, 20))
    await asyncio.sleep(0)

    nats_server.kill()
    await hearer.ack(before)  # nobody is there to take it
    nats_server.start()
    begun = time.monotonic()
    await again_until_published(broker, [a_message("back")])
    received = await waiting
    while received[-1].message.key != "back":  # the server may have forgotten what it delivered
        received += await hearer.fetch(10, 5)

    assert time.monotonic() - begun < 3
    await hearer.ack(received)
    assert await hearer.lag() == 0


async def test_an_acknowledgement_that_nobody_took_is_said_later(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(patience=IMPATIENT, ack_wait=60)
    await broker.declare(TOPIC)
    hearer = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(3))
    received = await everything(hearer, 3)

    nats_server.pause()
    await hearer.ack(received)
    await until(lambda: not broker.connected, within=10)
    nats_server.resume()

    await until_connected(broker)
    assert await hearer.lag() == 0


async def test_a_fetch_says_when_the_broker_stays_away(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.declare(TOPIC)
    hearer = await broker.subscribe("mypage", TOPIC)
    nats_server.kill()

    begun = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        await hearer.fetch(10, 0.5)

    assert 0.4 < time.monotonic() - begun < 1.5
    with pytest.raises(BrokerUnavailable):
        await hearer.lag()


async def test_a_hanging_server_is_noticed_and_a_resend_is_heard_once(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(patience=IMPATIENT)
    await broker.declare(TOPIC)
    hearer = await broker.subscribe("mypage", TOPIC)
    told = messages(20)

    nats_server.pause()
    with pytest.raises(BrokerUnavailable):
        await broker.send(told)
    nats_server.resume()

    marks = await again_until_published(broker, told)
    assert [mark.position for mark in marks] == list(range(1, 21))
    assert [one.message for one in await everything(hearer, 20)] == told
    await broker.send([a_message("after")])
    assert [one.message.key for one in await hearer.fetch(10, 5)] == ["after"]


async def test_a_long_hanging_server_counts_as_away_and_is_found_again(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(patience=IMPATIENT)
    await broker.declare(TOPIC)
    hearer = await broker.subscribe("mypage", TOPIC)
    large = [a_message(data=b"x" * 900_000) for _ in range(20)]  # more than sockets buffer

    nats_server.pause()
    with pytest.raises(BrokerUnavailable):
        await broker.send(large)
    await until(lambda: not broker.connected, within=10)
    nats_server.resume()

    await until_connected(broker)
    await again_until_published(broker, large)
    heard = await everything(hearer, 20)
    assert {one.message.event_id for one in heard} == {one.event_id for one in large}


async def test_connecting_returns_at_once_and_happens_later(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    begun = time.monotonic()
    broker = connect(server.url(), "teller")
    assert time.monotonic() - begun < 0.1
    assert not broker.connected
    with pytest.raises(BrokerUnavailable):
        await broker.declare(TOPIC)
    with pytest.raises(BrokerUnavailable):
        await broker.subscribe("mypage", TOPIC)

    server.start()
    try:
        await until_connected(broker)
        await broker.declare(TOPIC)
        assert len(await broker.send(messages(2))) == 2
    finally:
        await broker.close()
        server.kill()


async def test_a_broker_that_never_connected_can_be_closed(tmp_path: Path) -> None:
    broker = connect(NatsServer(tmp_path).url(), "teller")
    async with asyncio.timeout(5):
        await broker.close()


async def test_closing_does_not_wait_for_a_server(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(patience=IMPATIENT)
    await broker.declare(TOPIC)
    await broker.subscribe("mypage", TOPIC)
    nats_server.pause()

    async with asyncio.timeout(5):
        await broker.close()


async def test_a_lost_disk_is_a_new_incarnation_and_all_goes_on(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.declare(TOPIC)
    old_marks = await broker.send(messages(3))
    hearer = await broker.subscribe("mypage", TOPIC)
    old = await everything(hearer, 3)

    nats_server.kill()
    nats_server.lose_everything()
    nats_server.start()
    told = messages(3)
    marks = await again_until_published(broker, told)
    received = await everything(hearer, 3)
    await hearer.ack(old)  # the same positions, but of the log that is no more

    assert marks[0].incarnation != old_marks[0].incarnation
    assert [one.message for one in received] == told
    assert await hearer.lag() == 3
    await hearer.ack(received)
    assert await hearer.lag() == 0


async def test_a_wrong_password_is_tried_for_ever_and_harms_nothing(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, users={"stock": {}})
    server.start()
    wrong = connect(f"nats://stock:{uuid4()}@127.0.0.1:{server.port}", "stock")
    right = connect(server.url("stock"), "stock")
    try:
        await until_connected(right)
        assert not wrong.connected
        with pytest.raises(BrokerUnavailable):
            await wrong.send(messages(1))
    finally:
        await wrong.close()
        await right.close()
        server.kill()


async def again_until_published(broker: NatsBroker, told: list[Message]) -> list[Mark]:
    """As a relay does."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await broker.send(told)
            except BrokerUnavailable:
                await asyncio.sleep(0.05)
