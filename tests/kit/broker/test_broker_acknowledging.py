"""What every broker promises about messages that are acknowledged, refused or neither."""

import asyncio

from roadbike.kit.messaging.broker import Broker
from tests.kit.broker.conftest import ACK_WAIT, Connect
from tests.kit.broker.messages import TOPIC, everything, in_order, messages, payloads


async def test_an_acknowledged_message_never_comes_again(teller: Broker, connect: Connect) -> None:
    await teller.send(messages(4))
    hearer = await teller.subscribe("mypage", TOPIC)
    await hearer.ack(await everything(hearer, 3))

    restarted = await connect()
    goes_on = await restarted.subscribe("mypage", TOPIC)
    received = await goes_on.fetch(10, 5)

    assert payloads(received) == [b'{"number":3}']
    await goes_on.ack(received)
    assert await goes_on.fetch(10, 2 * ACK_WAIT) == []
    await restarted.close()


async def test_what_was_not_acknowledged_comes_again(teller: Broker) -> None:
    await teller.send(messages(3))
    hearer = await teller.subscribe("mypage", TOPIC)
    first = await everything(hearer, 3)
    await hearer.ack(first[1:2])

    again = in_order(await everything(hearer, 2))

    assert [one.message for one in again] == [first[0].message, first[2].message]
    assert [one.deliveries for one in again] == [2, 2]


async def test_what_a_leaver_held_goes_to_the_group_at_once(
    teller: Broker, connect: Connect
) -> None:
    leaver = await connect()
    await teller.send(messages(3))
    await everything(await leaver.subscribe("mypage", TOPIC), 3)

    await leaver.close()
    stayer = await teller.subscribe("mypage", TOPIC)

    assert len(await everything(stayer, 3)) == 3


async def test_a_refused_message_comes_again_after_its_delay(teller: Broker) -> None:
    await teller.send(messages(2))
    hearer = await teller.subscribe("mypage", TOPIC)
    first = await everything(hearer, 2)

    await hearer.nak(first[:1], 0.3)
    await hearer.ack(first[1:])

    assert await hearer.fetch(10, 0.1) == []
    again = await hearer.fetch(10, 5)
    assert [one.message for one in again] == [first[0].message]


async def test_an_acknowledgement_may_be_repeated(teller: Broker) -> None:
    await teller.send(messages(3))
    hearer = await teller.subscribe("mypage", TOPIC)
    first = await everything(hearer, 2)
    await hearer.ack(first)

    async with asyncio.timeout(2):
        await hearer.ack(first)
        await hearer.nak(first, 0)
        await hearer.ack([])

    assert await hearer.lag() == 1


async def test_a_late_acknowledgement_of_what_came_again_counts(teller: Broker) -> None:
    await teller.send(messages(2))
    hearer = await teller.subscribe("mypage", TOPIC)
    first = await everything(hearer, 2)
    again = await everything(hearer, 2)

    async with asyncio.timeout(2):
        await hearer.ack(first)
        await hearer.ack(again)

    assert await hearer.lag() == 0
    assert await hearer.fetch(10, 2 * ACK_WAIT) == []


async def test_the_lag_is_what_is_not_acknowledged(teller: Broker) -> None:
    await teller.send(messages(5))
    hearer = await teller.subscribe("mypage", TOPIC)
    assert await hearer.lag() == 5

    received = await everything(hearer, 2)
    assert await hearer.lag() == 5

    await hearer.ack(received)
    assert await hearer.lag() == 3
    await hearer.ack(await everything(hearer, 3))
    assert await hearer.lag() == 0
