"""The broker in memory: its clock and its switches for failures."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from roadbike.kit.messaging.broker import BrokerUnavailable, connect
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from tests.kit.broker.messages import GROUPS, TOPIC, a_message, fetch_all, messages


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def broker(clock: Clock) -> MemoryBroker:
    broker = MemoryBroker(MemoryLog(ack_wait=30, now=clock))
    await broker.set_up(GROUPS)
    return broker


async def test_an_unacknowledged_message_is_delivered_again_after_the_ack_wait(
    broker: MemoryBroker, clock: Clock
) -> None:
    await broker.send(messages(2))
    subscription = await broker.subscribe("mypage", TOPIC)
    first = await subscription.fetch(10, 0)

    clock.seconds = 29.9
    assert await subscription.fetch(10, 0) == []
    clock.seconds = 30
    again = await subscription.fetch(10, 0)

    assert [r.message for r in again] == [r.message for r in first]
    assert [r.deliveries for r in again] == [2, 2]


async def test_a_message_is_redelivered_after_the_delay_of_its_nak(
    broker: MemoryBroker, clock: Clock
) -> None:
    await broker.send(messages(1))
    subscription = await broker.subscribe("mypage", TOPIC)
    await subscription.nak(await subscription.fetch(10, 0), 5)

    assert await subscription.fetch(10, 0) == []
    clock.seconds = 5
    assert len(await subscription.fetch(10, 0)) == 1


async def test_only_brokers_of_the_same_name_share_messages() -> None:
    here, there = connect("memory://a", "stock"), connect("memory://a", "mypage")
    elsewhere = connect("memory://b", "mypage")
    await here.set_up(GROUPS)
    await here.send(messages(2))

    assert len(await (await there.subscribe("mypage", TOPIC)).fetch(10, 0)) == 2
    with pytest.raises(BrokerUnavailable):
        await elsewhere.subscribe("mypage", TOPIC)


async def test_a_log_is_deleted_with_its_last_broker() -> None:
    first = connect("memory://c", "stock")
    await first.set_up(GROUPS)
    del first

    with pytest.raises(BrokerUnavailable):
        await connect("memory://c", "stock").send(messages(1))


async def test_an_unavailable_broker_refuses_every_call(broker: MemoryBroker) -> None:
    subscription = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(1))
    unacknowledged = await subscription.fetch(10, 0)
    broker.log.unavailable = True

    assert not broker.connected
    for call in (
        broker.send(messages(1)),
        broker.set_up(GROUPS),
        broker.subscribe("mypage", TOPIC),
        subscription.fetch(10, 0),
        subscription.lag(),
    ):
        with pytest.raises(BrokerUnavailable):
            await call
    await subscription.ack(unacknowledged)
    await subscription.nak(unacknowledged, 0)


async def test_a_fetch_waits_until_the_broker_is_available(broker: MemoryBroker) -> None:
    subscription = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(1))
    broker.log.unavailable = True
    waiting = asyncio.create_task(subscription.fetch(10, 60))
    await asyncio.sleep(0)

    broker.log.unavailable = False

    async with asyncio.timeout(5):
        assert len(await waiting) == 1


async def test_repeat_acknowledged_delivers_each_message_once_more(broker: MemoryBroker) -> None:
    broker.log.repeat_acknowledged = True
    await broker.send(messages(2))
    subscription = await broker.subscribe("mypage", TOPIC)

    await subscription.ack(await subscription.fetch(10, 0))
    again = await subscription.fetch(10, 0)
    await subscription.ack(again)

    assert [r.deliveries for r in again] == [2, 2]
    assert await subscription.lag() == 0


async def test_shuffle_delivers_all_messages_in_random_order(broker: MemoryBroker) -> None:
    broker.log.shuffle = Random(7)  # noqa: S311  not a secret
    await broker.send(messages(20))
    await broker.set_up({TOPIC: ("a", "b")})
    subscriptions = [await broker.subscribe(name, TOPIC) for name in ("a", "b")]

    positions = [
        [r.position for r in await fetch_all(subscription, 20)] for subscription in subscriptions
    ]

    for order in positions:
        assert sorted(order) == list(range(1, 21))
    assert positions[0] != sorted(positions[0])


async def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="carrier-pigeon"):
        connect("carrier-pigeon://x", "stock")


async def test_messages_can_be_fetched_one_at_a_time(broker: MemoryBroker) -> None:
    for number in range(3):
        await broker.send([a_message(number)])
    subscription = await broker.subscribe("mypage", TOPIC)

    assert [(await subscription.fetch(1, 0))[0].message.key for _ in range(3)] == ["0", "1", "2"]


async def test_messages_of_other_topics_do_not_end_a_fetch(broker: MemoryBroker) -> None:
    subscription = await broker.subscribe("mypage", TOPIC)
    await broker.set_up({"bike.stock": ()})
    waiting = asyncio.create_task(subscription.fetch(10, 60))
    for number in range(2_000):
        await broker.send([replace(a_message(number), topic="bike.stock")])
        await asyncio.sleep(0)

    await broker.send([a_message("last")])

    async with asyncio.timeout(5):
        assert [r.message.key for r in await waiting] == ["last"]
