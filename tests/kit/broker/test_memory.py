"""What only the broker in memory does: a clock of the test's own, and switches for trouble."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from roadbike.kit.messaging.broker import BrokerUnavailable, connect
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from tests.kit.broker.messages import TOPIC, a_message, everything, messages


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
    await broker.declare(TOPIC)
    return broker


async def test_what_was_not_acknowledged_comes_again_when_the_clock_says_so(
    broker: MemoryBroker, clock: Clock
) -> None:
    await broker.send(messages(2))
    hearer = await broker.subscribe("mypage", TOPIC)
    first = await hearer.fetch(10, 0)

    clock.seconds = 29.9
    assert await hearer.fetch(10, 0) == []
    clock.seconds = 30
    again = await hearer.fetch(10, 0)

    assert [one.message for one in again] == [one.message for one in first]
    assert [one.deliveries for one in again] == [2, 2]


async def test_a_refused_message_waits_for_its_delay(broker: MemoryBroker, clock: Clock) -> None:
    await broker.send(messages(1))
    hearer = await broker.subscribe("mypage", TOPIC)
    await hearer.nak(await hearer.fetch(10, 0), 5)

    assert await hearer.fetch(10, 0) == []
    clock.seconds = 5
    assert len(await hearer.fetch(10, 0)) == 1


async def test_brokers_of_one_name_meet_and_others_do_not() -> None:
    here, there = connect("memory://a", "stock"), connect("memory://a", "mypage")
    elsewhere = connect("memory://b", "mypage")
    await here.declare(TOPIC)
    await here.send(messages(2))

    assert len(await (await there.subscribe("mypage", TOPIC)).fetch(10, 0)) == 2
    with pytest.raises(BrokerUnavailable):
        await elsewhere.subscribe("mypage", TOPIC)


async def test_a_name_is_forgotten_with_its_last_broker() -> None:
    first = connect("memory://c", "stock")
    await first.declare(TOPIC)
    del first

    with pytest.raises(BrokerUnavailable):
        await connect("memory://c", "stock").send(messages(1))


async def test_an_away_broker_refuses_everything(broker: MemoryBroker) -> None:
    hearer = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(1))
    held = await hearer.fetch(10, 0)
    broker.log.away = True

    assert not broker.connected
    for call in (
        broker.send(messages(1)),
        broker.declare(TOPIC),
        broker.subscribe("mypage", TOPIC),
        hearer.fetch(10, 0),
        hearer.lag(),
    ):
        with pytest.raises(BrokerUnavailable):
            await call
    await hearer.ack(held)
    await hearer.nak(held, 0)


async def test_a_fetch_waits_for_a_broker_that_comes_back(broker: MemoryBroker) -> None:
    hearer = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(1))
    broker.log.away = True
    waiting = asyncio.create_task(hearer.fetch(10, 60))
    await asyncio.sleep(0)

    broker.log.away = False

    async with asyncio.timeout(5):
        assert len(await waiting) == 1


async def test_twice_means_once_more_after_the_acknowledgement(broker: MemoryBroker) -> None:
    broker.log.twice = True
    await broker.send(messages(2))
    hearer = await broker.subscribe("mypage", TOPIC)

    await hearer.ack(await hearer.fetch(10, 0))
    again = await hearer.fetch(10, 0)
    await hearer.ack(again)

    assert [one.deliveries for one in again] == [2, 2]
    assert await hearer.lag() == 0


async def test_shuffled_messages_all_come_in_the_order_of_the_seed(broker: MemoryBroker) -> None:
    broker.log.shuffle = Random(7)  # noqa: S311  an order, no secret
    await broker.send(messages(20))
    hearers = [await broker.subscribe(name, TOPIC) for name in ("a", "b")]

    positions = [[one.position for one in await everything(hearer, 20)] for hearer in hearers]

    for each in positions:
        assert sorted(each) == list(range(1, 21))
    assert positions[0] != sorted(positions[0])


async def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="carrier-pigeon"):
        connect("carrier-pigeon://x", "stock")


async def test_one_message_at_a_time_is_as_good(broker: MemoryBroker) -> None:
    for number in range(3):
        await broker.send([a_message(number)])
    hearer = await broker.subscribe("mypage", TOPIC)

    assert [(await hearer.fetch(1, 0))[0].message.key for _ in range(3)] == ["0", "1", "2"]


async def test_other_topics_do_not_end_a_wait(broker: MemoryBroker) -> None:
    hearer = await broker.subscribe("mypage", TOPIC)
    await broker.declare("bike.stock")
    waiting = asyncio.create_task(hearer.fetch(10, 60))
    for number in range(2_000):
        await broker.send([replace(a_message(number), topic="bike.stock")])
        await asyncio.sleep(0)

    await broker.send([a_message("last")])

    async with asyncio.timeout(5):
        assert [one.message.key for one in await waiting] == ["last"]
