"""The contract of every broker about acknowledgement and redelivery."""

import asyncio

from roadbike.kit.messaging.broker import Broker
from tests.kit.broker.conftest import ACK_WAIT, Connect
from tests.kit.broker.messages import (
    TOPIC,
    fetch_all,
    has_a_place_for_each_message,
    idle_lag,
    in_order,
    messages,
    payloads,
)


async def test_an_acknowledged_message_is_not_delivered_again(
    publisher: Broker, connect: Connect
) -> None:
    has_a_place_for_each_message(publisher)
    await publisher.send(messages(4))
    gone = await connect()
    subscription = await gone.subscribe("mypage", TOPIC)
    await subscription.ack(await fetch_all(subscription, 3))
    await gone.close()

    restarted = await connect()
    resumed = await restarted.subscribe("mypage", TOPIC)
    received = await resumed.fetch(10, 5)

    assert payloads(received) == [b'{"number":3}']
    await resumed.ack(received)
    assert await resumed.fetch(10, 2 * ACK_WAIT) == []
    await restarted.close()


async def test_an_unacknowledged_message_is_delivered_again(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    await publisher.send(messages(3))
    subscription = await publisher.subscribe("mypage", TOPIC)
    first = await fetch_all(subscription, 3)
    await subscription.ack(first[1:2])

    again = in_order(await fetch_all(subscription, 2))

    assert [r.message for r in again] == [first[0].message, first[2].message]
    assert [r.deliveries for r in again] == [2, 2]


async def test_unacknowledged_messages_of_a_closed_broker_go_to_the_group_at_once(
    publisher: Broker, connect: Connect
) -> None:
    closed = await connect()
    await publisher.send(messages(3))
    await fetch_all(await closed.subscribe("mypage", TOPIC), 3)

    await closed.close()
    other = await publisher.subscribe("mypage", TOPIC)

    assert len(await fetch_all(other, 3)) == 3


async def test_a_message_is_redelivered_after_the_delay_of_its_nak(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    await publisher.send(messages(2))
    subscription = await publisher.subscribe("mypage", TOPIC)
    first = await fetch_all(subscription, 2)

    await subscription.nak(first[:1], 0.3)
    await subscription.ack(first[1:])

    assert await subscription.fetch(10, 0.1) == []
    again = await subscription.fetch(10, 5)
    assert [r.message for r in again] == [first[0].message]


async def test_an_acknowledgement_can_be_repeated(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    await publisher.send(messages(3))
    subscription = await publisher.subscribe("mypage", TOPIC)
    first = await fetch_all(subscription, 2)
    await subscription.ack(first)

    async with asyncio.timeout(2):
        await subscription.ack(first)
        await subscription.nak(first, 0)
        await subscription.ack([])

    assert 1 <= await subscription.lag() <= 1 + int(publisher.name == "kafka")


async def test_a_late_acknowledgement_of_a_redelivered_message_counts(publisher: Broker) -> None:
    await publisher.send(messages(2))
    subscription = await publisher.subscribe("mypage", TOPIC)
    first = await fetch_all(subscription, 2)
    again = await fetch_all(subscription, 2)

    async with asyncio.timeout(2):
        await subscription.ack(first)
        await subscription.ack(again)

    assert await idle_lag(subscription) == 0
    assert await subscription.fetch(10, 2 * ACK_WAIT) == []


async def test_the_lag_is_the_number_of_unacknowledged_messages(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    await publisher.send(messages(5))
    subscription = await publisher.subscribe("mypage", TOPIC)
    # Kafka counts the mark of the transaction, too, until it has passed that
    more = int(publisher.name == "kafka")
    assert 5 <= await subscription.lag() <= 5 + more

    received = await fetch_all(subscription, 2)
    assert 5 <= await subscription.lag() <= 5 + more

    await subscription.ack(received)
    assert 3 <= await subscription.lag() <= 3 + more
    await subscription.ack(await fetch_all(subscription, 3))
    assert await idle_lag(subscription) == 0
