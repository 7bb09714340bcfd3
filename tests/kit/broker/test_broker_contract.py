"""What every broker promises, on each of them."""

import asyncio
from dataclasses import replace

import pytest

from roadbike.kit.messaging.broker import Broker, TopicMissing
from tests.kit.broker.conftest import Connect
from tests.kit.broker.messages import TOPIC, a_message, everything, messages, payloads


async def test_what_is_not_acknowledged_is_never_trimmed(teller: Broker) -> None:
    hearer = await teller.subscribe("mypage", TOPIC)
    marks = await teller.send(messages(10))

    await teller.trim(TOPIC, up_to=marks[-1])

    assert len(await everything(hearer, 10)) == 10


async def test_what_was_never_declared_cannot_be_trimmed(teller: Broker) -> None:
    (mark,) = await teller.send([a_message()])

    with pytest.raises(TopicMissing):
        await teller.trim("bike.nothing", up_to=mark)


async def test_a_message_arrives_as_it_was_told(teller: Broker) -> None:
    message = a_message("c0ffee", data='{"bikeNm":"로드"}'.encode())
    hearer = await teller.subscribe("mypage", TOPIC)

    marks = await teller.send([message])
    received = await hearer.fetch(10, 5)

    assert [one.message for one in received] == [message]
    assert [one.position for one in received] == [marks[0].position]
    assert [one.deliveries for one in received] == [1]


async def test_a_message_without_a_trace_arrives_without(teller: Broker) -> None:
    message = replace(a_message(), traceparent=None)
    hearer = await teller.subscribe("mypage", TOPIC)

    await teller.send([message])

    assert [one.message for one in await hearer.fetch(10, 5)] == [message]


@pytest.mark.parametrize("count", [1, 2, 7, 1001])
async def test_marks_say_where_each_message_is(teller: Broker, count: int) -> None:
    told = messages(count)
    hearer = await teller.subscribe("mypage", TOPIC)

    await teller.send([a_message()])
    marks = await teller.send(told)
    received = await everything(hearer, count + 1)

    assert [mark.position for mark in marks] == list(range(2, count + 2))
    assert len({mark.incarnation for mark in marks}) == 1
    assert [one.position for one in received[1:]] == [mark.position for mark in marks]
    assert [one.message for one in received[1:]] == told


async def test_nothing_published_has_no_marks(teller: Broker) -> None:
    assert await teller.send([]) == []


async def test_every_group_hears_all_from_the_beginning(teller: Broker) -> None:
    told = messages(5)
    await teller.send(told[:3])
    early = await teller.subscribe("delivery", TOPIC)
    await early.ack(await everything(early, 3))
    await teller.send(told[3:])

    late = await teller.subscribe("mypage", TOPIC)

    assert payloads(await everything(late, 5)) == [message.data for message in told]
    assert payloads(await everything(early, 2)) == [message.data for message in told[3:]]


async def test_members_of_a_group_share_its_messages(teller: Broker, connect: Connect) -> None:
    other = await connect()
    await teller.send(messages(10))
    here = await teller.subscribe("mypage", TOPIC)
    there = await other.subscribe("mypage", TOPIC)

    mine, others = await everything(here, 4), await everything(there, 6)

    assert len({one.position for one in [*mine, *others]}) == 10
    await there.ack(others)
    await here.ack(mine)
    assert await here.lag() == 0
    await other.close()


async def test_a_fetch_gives_at_most_what_was_asked_for(teller: Broker) -> None:
    await teller.send(messages(10))
    hearer = await teller.subscribe("mypage", TOPIC)

    assert [len(await hearer.fetch(4, 5)) for _ in range(3)] == [4, 4, 2]


async def test_a_fetch_of_nothing_ends_empty(teller: Broker) -> None:
    hearer = await teller.subscribe("mypage", TOPIC)

    assert await hearer.fetch(10, 0) == []
    assert await hearer.fetch(10, 0.1) == []


async def test_a_waiting_fetch_returns_with_the_first_message(teller: Broker) -> None:
    hearer = await teller.subscribe("mypage", TOPIC)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(hearer.fetch(10, 60))
        group.create_task(teller.send([a_message(7)]))

    assert [one.message.key for one in waiting.result()] == ["7"]


async def test_a_message_told_twice_is_heard_once(teller: Broker) -> None:
    told = messages(5)
    hearer = await teller.subscribe("mypage", TOPIC)

    marks = await teller.send(told)
    again = await teller.send(told)

    assert again == marks
    assert len(await everything(hearer, 5)) == 5
    assert await hearer.fetch(10, 0.1) == []


async def test_known_and_new_messages_may_be_told_together(teller: Broker) -> None:
    told = messages(5)
    hearer = await teller.subscribe("mypage", TOPIC)

    await teller.send(told[:3])
    marks = await teller.send(told[1:])
    await teller.send([a_message(9, data=b"later")])

    assert [mark.position for mark in marks] == [2, 3, 4, 5]
    assert payloads(await everything(hearer, 6)) == [*(m.data for m in told), b"later"]


async def test_a_message_twice_in_one_call_is_heard_once(teller: Broker) -> None:
    first, second = messages(2)
    hearer = await teller.subscribe("mypage", TOPIC)

    marks = await teller.send([first, second, first])

    assert [mark.position for mark in marks] == [1, 2, 1]
    assert len(await everything(hearer, 2)) == 2
    assert await hearer.fetch(10, 0.1) == []


async def test_a_topic_that_nobody_declared_is_missed(teller: Broker) -> None:
    unknown = replace(a_message(), topic="bike.nowhere")

    with pytest.raises(TopicMissing):
        await teller.send([unknown])
    with pytest.raises(TopicMissing):
        await teller.send([unknown, replace(a_message(), topic="bike.nowhere")])
    with pytest.raises(TopicMissing):
        await teller.subscribe("mypage", "bike.nowhere")


async def test_a_topic_may_be_declared_again(teller: Broker, connect: Connect) -> None:
    marks = await teller.send(messages(2))
    replica = await connect()
    await replica.declare(TOPIC)

    later = await replica.send([a_message()])

    assert later[0].incarnation == marks[0].incarnation
    assert later[0].position == 3
    await replica.close()


@pytest.mark.parametrize("key", ["", "a.b", "*", ">", "a b", "a\n", "가", "x" * 129])
async def test_a_key_that_is_no_name_is_refused(teller: Broker, key: str) -> None:
    hearer = await teller.subscribe("mypage", TOPIC)

    with pytest.raises(ValueError, match="key"):
        await teller.send([a_message(), a_message(key)])

    assert await hearer.lag() == 0


@pytest.mark.parametrize("topic", ["", "bike.*", "bike.", ".bike", "bike.>", "a b"])
async def test_a_topic_that_is_no_name_is_refused(teller: Broker, topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        await teller.declare(topic)
    with pytest.raises(ValueError, match="topic"):
        await teller.subscribe("mypage", topic)
    with pytest.raises(ValueError, match="group"):
        await teller.subscribe(topic, TOPIC)


async def test_messages_of_two_topics_are_refused(teller: Broker) -> None:
    with pytest.raises(ValueError, match="one topic"):
        await teller.send([a_message(), replace(a_message(), topic="bike.stock")])


async def test_a_large_message_arrives_and_one_too_large_is_refused(teller: Broker) -> None:
    hearer = await teller.subscribe("mypage", TOPIC)

    await teller.send([a_message(data=b"x" * 1_000_000)])
    with pytest.raises(ValueError, match="1000001 bytes"):
        await teller.send([a_message(data=b"x" * 1_000_001)])

    assert [len(one.message.data) for one in await hearer.fetch(10, 5)] == [1_000_000]


async def test_a_connected_broker_says_so(teller: Broker) -> None:
    assert teller.connected
