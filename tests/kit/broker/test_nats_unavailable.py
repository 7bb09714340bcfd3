"""The NATS adapter while the server is killed, hanging, not started or has lost its data."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import pytest

from roadbike.kit.messaging.broker import BrokerUnavailable, Mark, Message, TopicMissing, connect
from roadbike.kit.messaging.broker.nats import NatsBroker
from roadbike.kit.messaging.broker.nats.connection import CONNECT_TIMEOUT_SECONDS
from tests.kit.broker.conftest import ConnectNats
from tests.kit.broker.messages import (
    GROUPS,
    TOPIC,
    a_message,
    fetch_all,
    messages,
    wait_until,
    wait_until_connected,
)
from tests.kit.broker.nats_server import NatsServer

SHORT_TIMEOUT_SECONDS = 0.3


async def test_a_killed_server_keeps_all_acknowledged_messages(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    publisher = await connect_nats()
    await publisher.set_up(GROUPS)
    marks: list[Mark] = []

    async def send_until_unavailable() -> None:
        while True:
            marks.extend(await publisher.send(messages(50)))

    sending = asyncio.create_task(send_until_unavailable())
    await wait_until(lambda: len(marks) > 500)
    nats_server.kill()
    with pytest.raises(BrokerUnavailable):
        await sending
    nats_server.start()

    marks += await resend_until_accepted(publisher, [a_message("after")])
    subscription = await publisher.subscribe("mypage", TOPIC)
    received = await fetch_all(subscription, marks[-1].position)
    assert {mark.position for mark in marks} <= {r.position for r in received}
    assert len({mark.incarnation for mark in marks}) == 1


async def test_sending_to_a_killed_server_fails_at_once(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    publisher = await connect_nats()
    await publisher.set_up(GROUPS)
    nats_server.kill()
    await wait_until(lambda: not publisher.connected)

    async with asyncio.timeout(0.2):
        with pytest.raises(BrokerUnavailable):
            await publisher.send(messages(3))


async def test_a_waiting_call_fails_as_soon_as_the_server_is_killed(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    publisher = await connect_nats()
    await publisher.set_up(GROUPS)
    nats_server.pause()
    sending = asyncio.create_task(publisher.send(messages(3)))
    await asyncio.sleep(0)

    nats_server.kill()

    async with asyncio.timeout(2):
        with pytest.raises(BrokerUnavailable):
            await sending


async def test_a_subscription_continues_automatically(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(3))
    before = await fetch_all(subscription, 3)
    waiting = asyncio.create_task(subscription.fetch(10, 20))
    await asyncio.sleep(0)

    nats_server.kill()
    await subscription.ack(before)  # kept until there is a connection
    nats_server.start()
    started = time.monotonic()
    await resend_until_accepted(broker, [a_message("back")])
    received = await waiting
    while received[-1].message.key != "back":  # the server may deliver some messages again
        received += await subscription.fetch(10, 5)

    assert time.monotonic() - started < 3
    await subscription.ack(received)
    assert await subscription.lag() == 0


async def test_an_acknowledgement_is_sent_later_while_the_server_hangs(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(timeout=SHORT_TIMEOUT_SECONDS, ack_wait=60)
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(3))
    received = await fetch_all(subscription, 3)

    nats_server.pause()
    await subscription.ack(received)
    await wait_until(lambda: not broker.connected, within=10)
    nats_server.resume()

    await wait_until_connected(broker)
    assert await subscription.lag() == 0


async def test_a_fetch_raises_when_the_broker_stays_unavailable(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    nats_server.kill()

    started = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        await subscription.fetch(10, 0.5)

    assert 0.4 < time.monotonic() - started < CONNECT_TIMEOUT_SECONDS
    with pytest.raises(BrokerUnavailable):
        await subscription.lag()


async def test_messages_sent_again_after_a_hang_are_delivered_once(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(timeout=SHORT_TIMEOUT_SECONDS)
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    sent = messages(20)

    nats_server.pause()
    with pytest.raises(BrokerUnavailable):
        await broker.send(sent)
    nats_server.resume()

    marks = await resend_until_accepted(broker, sent)
    assert [mark.position for mark in marks] == list(range(1, 21))
    assert [r.message for r in await fetch_all(subscription, 20)] == sent
    await broker.send([a_message("after")])
    assert [r.message.key for r in await subscription.fetch(10, 5)] == ["after"]


async def test_a_server_that_hangs_for_long_is_disconnected_and_connected_again(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(timeout=SHORT_TIMEOUT_SECONDS)
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    large = [a_message(data=b"x" * 900_000) for _ in range(20)]  # more than the socket buffers hold

    nats_server.pause()
    with pytest.raises(BrokerUnavailable):
        await broker.send(large)
    await wait_until(lambda: not broker.connected, within=10)
    nats_server.resume()

    await wait_until_connected(broker)
    await resend_until_accepted(broker, large)
    received = await fetch_all(subscription, 20)
    assert {r.message.event_id for r in received} == {r.event_id for r in large}


async def test_connect_returns_at_once_and_connects_in_the_background(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    started = time.monotonic()
    broker = connect(server.url(), "reservation")
    assert time.monotonic() - started < CONNECT_TIMEOUT_SECONDS
    assert not broker.connected
    with pytest.raises(BrokerUnavailable):
        await broker.set_up(GROUPS)
    with pytest.raises(BrokerUnavailable):
        await broker.subscribe("mypage", TOPIC)

    server.start()
    try:
        await wait_until_connected(broker)
        await broker.set_up(GROUPS)
        assert len(await broker.send(messages(2))) == 2
    finally:
        await broker.close()
        server.kill()


async def test_a_broker_that_was_not_connected_can_be_closed(tmp_path: Path) -> None:
    broker = connect(NatsServer(tmp_path).url(), "reservation")
    async with asyncio.timeout(5):
        await broker.close()


async def test_closing_does_not_wait_for_a_hanging_server(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(timeout=SHORT_TIMEOUT_SECONDS)
    await broker.set_up(GROUPS)
    await broker.subscribe("mypage", TOPIC)
    nats_server.pause()

    async with asyncio.timeout(5):
        await broker.close()


async def test_after_a_loss_of_data_the_topic_has_a_new_incarnation(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.set_up(GROUPS)
    old_marks = await broker.send(messages(3))
    subscription = await broker.subscribe("mypage", TOPIC)
    old = await fetch_all(subscription, 3)

    nats_server.kill()
    nats_server.delete_data()
    await wait_until(lambda: not broker.connected)
    nats_server.start()
    await wait_until_connected(broker)
    with pytest.raises(TopicMissing):
        await broker.send(messages(3))
    await broker.set_up(GROUPS)
    sent = messages(3)
    marks = await resend_until_accepted(broker, sent)
    received = await fetch_all(subscription, 3)
    await subscription.ack(old)  # the same positions, but of the lost log

    assert marks[0].incarnation != old_marks[0].incarnation
    assert [r.message for r in received] == sent
    assert await subscription.lag() == 3
    await subscription.ack(received)
    assert await subscription.lag() == 0


async def test_a_wrong_password_does_not_disturb_other_connections(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, users={"stock": {}})
    server.start()
    wrong = connect(f"nats://stock:{uuid4()}@127.0.0.1:{server.port}", "stock")
    right = connect(server.url("stock"), "stock")
    try:
        await wait_until_connected(right)
        assert not wrong.connected
        with pytest.raises(BrokerUnavailable):
            await wrong.send(messages(1))
    finally:
        await wrong.close()
        await right.close()
        server.kill()


async def test_a_refused_connection_can_be_closed_at_any_moment(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, users={"stock": {}})
    server.start()
    try:
        for number in range(120):
            wrong = connect(f"nats://stock:wrong@127.0.0.1:{server.port}", "stock")
            await asyncio.sleep(number % 40 / 10_000)
            async with asyncio.timeout(5):
                await wrong.close()
    finally:
        server.kill()


async def resend_until_accepted(broker: NatsBroker, sent: list[Message]) -> list[Mark]:
    """Send again while the broker is unavailable, as the relay does."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await broker.send(sent)
            except BrokerUnavailable:
                await asyncio.sleep(0.05)
