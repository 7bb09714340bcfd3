"""The contract of the broker port, tested on every broker."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from roadbike.kit.messaging.broker import (
    Broker,
    BrokerUnavailable,
    GroupMissing,
    Received,
    Subscription,
    TopicMissing,
)
from tests.kit.broker.conftest import Connect
from tests.kit.broker.kafka_mock import MockKafkaBroker
from tests.kit.broker.messages import (
    GROUPS,
    TOPIC,
    a_message,
    fetch_all,
    has_a_place_for_each_message,
    idle_lag,
    messages,
    payloads,
    recognizes_repeated_messages,
)


async def test_unacknowledged_messages_are_not_trimmed(publisher: Broker) -> None:
    subscription = await publisher.subscribe("mypage", TOPIC)
    marks = await publisher.send(messages(10))

    await publisher.trim(TOPIC, marks[-1])

    assert len(await fetch_all(subscription, 10)) == 10


async def test_trimming_a_topic_that_was_not_made_raises(publisher: Broker) -> None:
    (mark,) = await publisher.send([a_message()])

    with pytest.raises(TopicMissing):
        await publisher.trim("bike.nothing", mark)


async def test_a_log_holds_what_it_has_acknowledged_and_nothing_else(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    first, second = messages(2)
    marks = await publisher.send([first, second])
    beyond = replace(marks[1], position=marks[1].position + 1)
    of_another_log = replace(marks[0], incarnation="another")

    assert await publisher.holds(TOPIC, marks[0], first.event_id)
    assert await publisher.holds(TOPIC, marks[1], second.event_id)
    assert not await publisher.holds(TOPIC, marks[1], first.event_id)
    assert not await publisher.holds(TOPIC, beyond, a_message().event_id)
    assert not await publisher.holds(TOPIC, of_another_log, first.event_id)
    with pytest.raises(TopicMissing):
        await publisher.holds("bike.nothing", marks[0], first.event_id)


async def test_groups_of_a_log_that_was_made_later_do_not_start_over(publisher: Broker) -> None:
    subscription = await publisher.subscribe("mypage", TOPIC)
    (mark,) = await publisher.send([a_message()])
    await subscription.ack(await fetch_all(subscription, 1))

    await publisher.start_over(TOPIC, lost=replace(mark, incarnation="earlier"))

    assert await idle_lag(subscription) == 0


async def test_a_message_is_delivered_unchanged(publisher: Broker) -> None:
    message = a_message("c0ffee", data='{"bikeNm":"로드"}'.encode())
    subscription = await publisher.subscribe("mypage", TOPIC)

    marks = await publisher.send([message])
    received = await subscription.fetch(10, 5)

    assert [r.message for r in received] == [message]
    assert [r.position for r in received] == [marks[0].position]
    assert [r.deliveries for r in received] == [1]


async def test_a_message_without_a_traceparent_is_delivered_without_one(publisher: Broker) -> None:
    message = replace(a_message(), traceparent=None)
    subscription = await publisher.subscribe("mypage", TOPIC)

    await publisher.send([message])

    assert [r.message for r in await subscription.fetch(10, 5)] == [message]


@pytest.mark.parametrize("count", [1, 2, 7, 1001])
async def test_marks_have_the_position_of_each_message(publisher: Broker, count: int) -> None:
    has_a_place_for_each_message(publisher)
    sent = messages(count)
    subscription = await publisher.subscribe("mypage", TOPIC)

    (before,) = await publisher.send([a_message()])
    marks = await publisher.send(sent)
    received = await fetch_all(subscription, count + 1)

    first = marks[0].position
    assert (before.position, first > before.position) == (1, True)
    assert [mark.position for mark in marks] == list(range(first, first + count))
    assert len({mark.incarnation for mark in marks}) == 1
    assert [r.position for r in received[1:]] == [mark.position for mark in marks]
    assert [r.message for r in received[1:]] == sent


async def test_sending_an_empty_list_returns_an_empty_list(publisher: Broker) -> None:
    assert await publisher.send([]) == []


async def test_every_group_gets_all_messages_from_the_beginning(publisher: Broker) -> None:
    sent = messages(5)
    await publisher.send(sent[:3])
    early = await publisher.subscribe("delivery", TOPIC)
    await early.ack(await fetch_all(early, 3))
    await publisher.send(sent[3:])

    late = await publisher.subscribe("mypage", TOPIC)

    assert payloads(await fetch_all(late, 5)) == [message.data for message in sent]
    assert payloads(await fetch_all(early, 2)) == [message.data for message in sent[3:]]


async def test_members_of_a_group_share_its_messages(publisher: Broker, connect: Connect) -> None:
    if isinstance(publisher, MockKafkaBroker):
        pytest.skip("the mock cluster refuses members that join again; real servers do not")
    other = await connect()
    here = await publisher.subscribe("mypage", TOPIC)
    there = await other.subscribe("mypage", TOPIC)
    got: set[bytes] = set()

    async def consume(member: Subscription) -> None:
        is_done = False
        while not is_done:
            with suppress(BrokerUnavailable):  # while the members agree who has what
                some = await member.fetch(4, 0.1)
                got.update(payloads(some))
                await member.ack(some)
                is_done = len(got) == 10 and await member.lag() == 0

    await publisher.send(messages(10))
    async with asyncio.timeout(30):
        await asyncio.gather(consume(here), consume(there))

    assert got == {message.data for message in messages(10)}
    await other.close()


async def test_a_fetch_returns_at_most_the_requested_number(publisher: Broker) -> None:
    await publisher.send(messages(10))
    subscription = await publisher.subscribe("mypage", TOPIC)

    assert [len(await subscription.fetch(4, 5)) for _ in range(3)] == [4, 4, 2]


async def test_a_fetch_without_messages_returns_an_empty_list(publisher: Broker) -> None:
    subscription = await publisher.subscribe("mypage", TOPIC)

    assert await subscription.fetch(10, 0) == []
    assert await subscription.fetch(10, 0.1) == []


async def test_a_waiting_fetch_returns_with_the_first_message(publisher: Broker) -> None:
    subscription = await publisher.subscribe("mypage", TOPIC)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(subscription.fetch(10, 60))
        group.create_task(publisher.send([a_message(7)]))

    assert [r.message.key for r in waiting.result()] == ["7"]


async def test_a_message_sent_twice_is_delivered_once(publisher: Broker) -> None:
    recognizes_repeated_messages(publisher)
    sent = messages(5)
    subscription = await publisher.subscribe("mypage", TOPIC)

    marks = await publisher.send(sent)
    again = await publisher.send(sent)

    assert again == marks
    assert len(await fetch_all(subscription, 5)) == 5
    assert await subscription.fetch(10, 0.1) == []


async def test_known_and_new_messages_can_be_sent_together(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    recognizes_repeated_messages(publisher)
    sent = messages(5)
    subscription = await publisher.subscribe("mypage", TOPIC)

    await publisher.send(sent[:3])
    marks = await publisher.send(sent[1:])
    await publisher.send([a_message(9, data=b"later")])

    assert [mark.position for mark in marks] == [2, 3, 4, 5]
    assert payloads(await fetch_all(subscription, 6)) == [*(m.data for m in sent), b"later"]


async def test_a_message_sent_twice_in_one_call_is_delivered_once(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    recognizes_repeated_messages(publisher)
    first, second = messages(2)
    subscription = await publisher.subscribe("mypage", TOPIC)

    marks = await publisher.send([first, second, first])

    assert [mark.position for mark in marks] == [1, 2, 1]
    assert len(await fetch_all(subscription, 2)) == 2
    assert await subscription.fetch(10, 0.1) == []


async def test_a_topic_that_was_not_made_is_missing(publisher: Broker) -> None:
    unknown = replace(a_message(), topic="bike.nowhere")

    with pytest.raises(TopicMissing):
        await publisher.send([unknown])
    with pytest.raises(TopicMissing):
        await publisher.send([unknown, replace(a_message(), topic="bike.nowhere")])
    with pytest.raises(TopicMissing):
        await publisher.subscribe("mypage", "bike.nowhere")


async def test_a_group_that_was_not_made_is_missing(publisher: Broker) -> None:
    if publisher.name == "kafka":
        pytest.skip("Kafka makes a group with its first member; who may be one, ACLs say")
    with pytest.raises(GroupMissing):
        await publisher.subscribe("stock", TOPIC)


async def test_a_group_that_is_made_late_begins_at_the_first_message(publisher: Broker) -> None:
    sent = messages(3)
    await publisher.send(sent)

    await publisher.set_up({TOPIC: ("stock",)})
    late = await publisher.subscribe("stock", TOPIC)

    assert payloads(await fetch_all(late, 3)) == [message.data for message in sent]


async def test_making_a_group_again_keeps_its_position(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    subscription = await publisher.subscribe("mypage", TOPIC)
    await publisher.send(messages(3))
    await subscription.ack((await fetch_all(subscription, 3))[:2])

    await publisher.set_up(GROUPS)

    assert await idle_lag(subscription) == 1


async def test_after_a_new_start_every_group_gets_what_is_sent_again(
    publisher: Broker, connect: Connect
) -> None:
    sent, later = messages(4), a_message(9, data=b"later")
    groups = [await publisher.subscribe(name, TOPIC) for name in ("mypage", "delivery")]
    marks = await publisher.send(sent)
    old = [await fetch_all(group, 4) for group in groups]
    await groups[0].ack(old[0])
    service = await connect()

    await service.start_over(TOPIC, lost=marks[-1])

    again = await service.send(sent)
    assert again[0].incarnation == marks[0].incarnation  # the log is the same
    await service.send([later])
    for group, fetched in zip(groups, old, strict=True):
        received: list[Received] = []
        async with asyncio.timeout(10):
            while {r.message.event_id for r in received} < {m.event_id for m in [*sent, later]}:
                received += await group.fetch(10, 1)
        await group.ack(fetched)  # of the generation before: it counts no more, or once
    await service.close()


async def test_making_a_topic_again_keeps_its_log(publisher: Broker, connect: Connect) -> None:
    marks = await publisher.send(messages(2))
    replica = await connect()
    await replica.set_up(GROUPS)

    later = await replica.send([a_message()])

    assert later[0].incarnation == marks[0].incarnation
    assert later[0].position > marks[1].position
    await replica.close()


async def test_a_connected_broker_is_connected(publisher: Broker) -> None:
    assert publisher.connected
