"""The contract of every broker about how far a group is: by this it knows that it has caught up.

Kafka counts the marks of transactions, too: an end may be one further than the last message, and
a group has passed the mark after a fetch that finds nothing more.
"""

import asyncio
import time
from dataclasses import replace

from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, Progress, Subscription
from tests.kit.broker.conftest import Connect
from tests.kit.broker.messages import (
    TOPIC,
    a_message,
    fetch_all,
    has_a_place_for_each_message,
    in_order,
    messages,
)


async def progress(broker: Broker, group: str = "mypage") -> Progress:
    return await (await broker.subscribe(group, TOPIC)).progress()


async def first_progress(subscription: Subscription) -> None:
    """Wait until it is known: a Kafka that has just started has no places of groups yet."""
    async with asyncio.timeout(30):
        while True:
            try:
                await subscription.progress()
            except BrokerUnavailable:
                await asyncio.sleep(0.1)
            else:
                return


async def acknowledge_all(subscription: Subscription, count: int) -> None:
    await subscription.ack(await fetch_all(subscription, count))
    assert await subscription.fetch(10, 0.1) == []


async def test_progress_is_answered_while_a_fetch_waits(publisher: Broker) -> None:
    """Kafka answers a connection's requests in turn, and a fetch waits for half a second there."""
    subscription = await publisher.subscribe("mypage", TOPIC)
    await first_progress(subscription)
    waiting = asyncio.create_task(subscription.fetch(10, 30))
    began = time.monotonic()

    for _ in range(10):
        await subscription.progress()

    took = time.monotonic() - began
    waiting.cancel()
    await asyncio.wait({waiting})
    assert took < 2


async def test_an_empty_topic_has_no_end_to_reach(publisher: Broker) -> None:
    found = await progress(publisher)

    assert (found.ends, found.done, found.backlog) == ({0: 0}, {0: 0}, 0)


async def test_a_group_is_done_up_to_its_first_message_without_acknowledgement(
    publisher: Broker,
) -> None:
    has_a_place_for_each_message(publisher)
    more = int(publisher.name == "kafka")
    marks = await publisher.send(messages(5))
    subscription = await publisher.subscribe("mypage", TOPIC)
    first, second, *others = in_order(await fetch_all(subscription, 5))

    before = await subscription.progress()
    await subscription.ack([first, *others])
    with_a_gap = await subscription.progress()
    await subscription.ack([second])
    assert await subscription.fetch(10, 0.1) == []
    after = await subscription.progress()

    assert [each.ends for each in (before, with_a_gap, after)] == [{0: 5 + more}] * 3
    assert [each.done for each in (before, with_a_gap, after)] == [{0: 0}, {0: 1}, {0: 5 + more}]
    assert after.backlog == 0
    assert 5 <= before.backlog <= 5 + more
    assert 1 <= with_a_gap.backlog <= 1 + more
    assert {mark.incarnation for mark in marks} == {after.incarnation}


async def test_the_members_of_a_group_share_its_progress_and_groups_do_not(
    publisher: Broker, connect: Connect
) -> None:
    await publisher.send(messages(2))
    member = await connect()
    await acknowledge_all(await member.subscribe("mypage", TOPIC), 2)

    of_group, of_other = await progress(publisher), await progress(publisher, "delivery")

    assert of_group.done == of_group.ends == of_other.ends
    assert of_other.done == {0: 0}
    await member.close()


async def test_the_end_moves_and_what_was_reached_stays_reached(publisher: Broker) -> None:
    has_a_place_for_each_message(publisher)
    await publisher.send(messages(2))
    subscription = await publisher.subscribe("mypage", TOPIC)
    await acknowledge_all(subscription, 2)
    reached = await subscription.progress()

    await publisher.send(messages(3))
    found = await subscription.progress()

    assert found.ends[0] >= reached.ends[0] + 3
    assert found.done[0] == reached.ends[0]
    assert found.backlog >= 3


async def test_what_a_log_does_not_hold_of_many_events_is_lost(publisher: Broker) -> None:
    sent = messages(40)
    marks = await publisher.send(sent)
    beyond = replace(marks[-1], position=marks[-1].position + 9), a_message().event_id
    of_another_log = replace(marks[0], incarnation="another"), sent[0].event_id
    of_another_event = marks[7], a_message().event_id
    there = [(mark, each.event_id) for mark, each in zip(marks, sent, strict=True)]

    lost = await publisher.lost(TOPIC, [*there[:7], beyond, *there[8:], of_another_event])

    assert set(lost) == {beyond[1], of_another_event[1]}
    assert await publisher.lost(TOPIC, [of_another_log]) == [sent[0].event_id]
    assert await publisher.lost(TOPIC, []) == []
