"""A nearly full topic is trimmed to what all the groups that it should have have acknowledged."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import nats
import pytest

from roadbike.kit.messaging.broker import Mark, TopicFull
from roadbike.kit.messaging.broker.nats import NatsBroker
from tests.kit.broker.conftest import ConnectNats
from tests.kit.broker.messages import GROUPS, TOPIC, a_message, fetch_all
from tests.kit.broker.nats_server import NatsServer

KIBIBYTE = 1024
LIMIT = 64 * KIBIBYTE


async def fill(broker: NatsBroker, groups: Sequence[str]) -> list[Mark]:
    """Make the topic with these groups and fill it; return the marks of its messages."""
    await broker.set_up({TOPIC: groups})
    marks: list[Mark] = []
    with suppress(TopicFull):
        while True:
            marks += await broker.send([a_message(data=b"x" * 4 * KIBIBYTE)])
    return marks


async def acknowledge(broker: NatsBroker, group: str, marks: Sequence[Mark]) -> None:
    """Let the group acknowledge the messages up to the last of the marks."""
    subscription = await broker.subscribe(group, TOPIC)
    await subscription.ack(await fetch_all(subscription, len(marks)))


async def kept(nats_server: NatsServer) -> range:
    """Return the positions of the messages that the topic still has."""
    admin = await nats.connect(nats_server.url())
    state = (await admin.jsm().stream_info("bike-reservation")).state
    await admin.close()
    return range(state.first_seq, state.last_seq + 1)


async def test_what_every_group_has_acknowledged_is_deleted_whatever_its_age(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(max_bytes=LIMIT)
    marks = await fill(broker, ["mypage", "stock"])
    await acknowledge(broker, "mypage", marks)
    await acknowledge(broker, "stock", marks[:9])

    await broker.trim(TOPIC, None)

    assert await kept(nats_server) == range(marks[9].position, marks[-1].position + 1)
    await broker.send([a_message(data=b"x" * 4 * KIBIBYTE) for _ in range(9)])


async def test_younger_messages_stay_if_deleting_the_older_ones_makes_room(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(max_bytes=LIMIT)
    marks = await fill(broker, ["mypage"])
    await acknowledge(broker, "mypage", marks)

    await broker.trim(TOPIC, older=marks[5])

    assert await kept(nats_server) == range(marks[6].position, marks[-1].position + 1)


async def test_younger_messages_are_deleted_if_the_topic_stays_nearly_full(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(max_bytes=LIMIT)
    marks = await fill(broker, ["mypage"])
    await acknowledge(broker, "mypage", marks)

    await broker.trim(TOPIC, older=marks[0])

    assert len(await kept(nats_server)) == 0


@pytest.mark.parametrize("lost", ["stock", "mypage"])
async def test_a_group_that_is_missing_keeps_everything(
    nats_server: NatsServer, connect_nats: ConnectNats, lost: str
) -> None:
    broker = await connect_nats(max_bytes=LIMIT)
    marks = await fill(broker, ["mypage", "stock"])
    for group in ("mypage", "stock"):
        await acknowledge(broker, group, marks)
    admin = await nats.connect(nats_server.url())
    await admin.jsm().delete_consumer("bike-reservation", lost)
    await admin.close()

    await broker.trim(TOPIC, older=marks[-1])

    assert len(await kept(nats_server)) == len(marks)


async def test_a_group_of_a_service_that_was_removed_keeps_nothing(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(max_bytes=LIMIT)
    marks = await fill(broker, ["mypage", "old"])
    await broker.set_up({TOPIC: ["mypage"]})
    await acknowledge(broker, "mypage", marks)

    await broker.trim(TOPIC, older=marks[-1])

    assert len(await kept(nats_server)) == 0


async def test_a_topic_with_room_is_not_trimmed(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(max_bytes=LIMIT)
    await broker.set_up(GROUPS)
    marks = await broker.send([a_message()])
    await acknowledge(broker, "mypage", marks)

    await broker.trim(TOPIC, older=marks[-1])

    assert len(await kept(nats_server)) == 1


async def test_a_mark_of_another_incarnation_says_nothing_about_age(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(max_bytes=LIMIT)
    marks = await fill(broker, ["mypage"])
    await acknowledge(broker, "mypage", marks[:12])

    await broker.trim(TOPIC, older=replace(marks[5], incarnation="another"))

    assert (await kept(nats_server))[0] == marks[12].position


async def test_a_trimmed_log_still_counts_as_holding_what_it_had(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(max_bytes=LIMIT)
    marks = await fill(broker, ["mypage"])
    await acknowledge(broker, "mypage", marks)
    await broker.trim(TOPIC, None)

    assert len(await kept(nats_server)) == 0
    assert await broker.holds(TOPIC, marks[-1], a_message().event_id)
    beyond = replace(marks[-1], position=marks[-1].position + 1)
    assert not await broker.holds(TOPIC, beyond, a_message().event_id)
