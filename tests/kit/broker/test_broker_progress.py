"""The contract of every broker about how far a group is: by this it knows that it has caught up."""

from roadbike.kit.messaging.broker import Broker, Progress
from tests.kit.broker.conftest import Connect
from tests.kit.broker.messages import TOPIC, fetch_all, in_order, messages


async def progress(broker: Broker, group: str = "mypage") -> Progress:
    return await (await broker.subscribe(group, TOPIC)).progress()


async def test_an_empty_topic_has_no_end_to_reach(publisher: Broker) -> None:
    found = await progress(publisher)

    assert (found.ends, found.done, found.backlog) == ({0: 0}, {0: 0}, 0)


async def test_a_group_is_done_up_to_its_first_message_without_acknowledgement(
    publisher: Broker,
) -> None:
    marks = await publisher.send(messages(5))
    subscription = await publisher.subscribe("mypage", TOPIC)
    first, second, *others = in_order(await fetch_all(subscription, 5))

    before = await subscription.progress()
    await subscription.ack([first, *others])
    with_a_gap = await subscription.progress()
    await subscription.ack([second])
    after = await subscription.progress()

    assert [each.ends for each in (before, with_a_gap, after)] == [{0: 5}] * 3
    assert [each.done for each in (before, with_a_gap, after)] == [{0: 0}, {0: 1}, {0: 5}]
    assert [each.backlog for each in (before, with_a_gap, after)] == [5, 1, 0]
    assert {mark.incarnation for mark in marks} == {after.incarnation}


async def test_the_members_of_a_group_share_its_progress_and_groups_do_not(
    publisher: Broker, connect: Connect
) -> None:
    await publisher.send(messages(2))
    member = await connect()
    subscription = await member.subscribe("mypage", TOPIC)
    await subscription.ack(await fetch_all(subscription, 2))

    assert (await progress(publisher)).done == {0: 2}
    assert (await progress(publisher, "delivery")).done == {0: 0}
    await member.close()


async def test_the_end_moves_and_what_was_reached_stays_reached(publisher: Broker) -> None:
    await publisher.send(messages(2))
    subscription = await publisher.subscribe("mypage", TOPIC)
    await subscription.ack(await fetch_all(subscription, 2))

    await publisher.send(messages(3))
    found = await subscription.progress()

    assert (found.ends, found.done, found.backlog) == ({0: 5}, {0: 2}, 3)
