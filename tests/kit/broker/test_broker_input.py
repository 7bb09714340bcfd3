"""The contract of every broker about malformed names and messages that are too large."""

from dataclasses import replace

import pytest

from roadbike.kit.messaging.broker import Broker
from tests.kit.broker.messages import TOPIC, a_message, idle_lag


@pytest.mark.parametrize("key", ["", "a.b", "*", ">", "a b", "a\n", "가", "x" * 129])
async def test_a_malformed_key_is_refused(publisher: Broker, key: str) -> None:
    subscription = await publisher.subscribe("mypage", TOPIC)

    with pytest.raises(ValueError, match="key"):
        await publisher.send([a_message(), a_message(key)])

    assert await idle_lag(subscription) == 0


@pytest.mark.parametrize("topic", ["", "bike.*", "bike.", ".bike", "bike.>", "a b"])
async def test_a_malformed_topic_or_group_is_refused(publisher: Broker, topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        await publisher.set_up({topic: ()})
    with pytest.raises(ValueError, match="topic"):
        await publisher.subscribe("mypage", topic)
    with pytest.raises(ValueError, match="group"):
        await publisher.subscribe(topic, TOPIC)
    with pytest.raises(ValueError, match="group"):
        await publisher.set_up({TOPIC: (topic,)})


async def test_messages_of_two_topics_in_one_call_are_refused(publisher: Broker) -> None:
    with pytest.raises(ValueError, match="have one topic"):
        await publisher.send([a_message(), replace(a_message(), topic="bike.stock")])


async def test_a_message_of_the_maximum_size_is_delivered_and_a_larger_one_refused(
    publisher: Broker,
) -> None:
    subscription = await publisher.subscribe("mypage", TOPIC)

    await publisher.send([a_message(data=b"x" * 1_000_000)])
    with pytest.raises(ValueError, match="1000001 bytes"):
        await publisher.send([a_message(data=b"x" * 1_000_001)])

    assert [len(r.message.data) for r in await subscription.fetch(10, 5)] == [1_000_000]
