"""The NATS adapter: stream limits, batches, malformed envelopes, deleted streams."""

from uuid import UUID

import nats
import pytest

from roadbike.kit.messaging.broker import (
    GroupMissing,
    Mark,
    TopicFull,
    TopicMissing,
)
from roadbike.kit.messaging.broker.nats import NatsBroker
from tests.kit.broker.conftest import ConnectNats
from tests.kit.broker.messages import (
    GROUPS,
    TOPIC,
    a_message,
    fetch_all,
    in_order,
    messages,
    wait_until,
    wait_until_connected,
)
from tests.kit.broker.nats_server import NatsServer

KIBIBYTE = 1024


@pytest.mark.parametrize("batch_size", [1, 10])
async def test_a_full_topic_keeps_its_messages_and_refuses_more(
    connect_nats: ConnectNats, batch_size: int
) -> None:
    small = await connect_nats(max_bytes=64 * KIBIBYTE, ack_wait=30)
    await small.set_up(GROUPS)
    marks: list[Mark] = []

    async def send_until_full() -> None:
        while True:
            some = [a_message(data=b"x" * 4 * KIBIBYTE) for _ in range(batch_size)]
            marks.extend(await small.send(some))

    with pytest.raises(TopicFull):
        await send_until_full()

    subscription = await small.subscribe("mypage", TOPIC)
    assert 0 < len(marks) < 16
    assert len(await fetch_all(subscription, 16, within=0.5)) == len(marks)


async def test_a_full_topic_accepts_messages_after_its_limit_is_raised(
    connect_nats: ConnectNats,
) -> None:
    small = await connect_nats(max_bytes=8 * KIBIBYTE)
    await small.set_up(GROUPS)
    message = a_message(data=b"x" * 16 * KIBIBYTE)
    with pytest.raises(TopicFull):
        await small.send([message])

    larger = await connect_nats(max_bytes=64 * KIBIBYTE)
    await larger.set_up(GROUPS)

    assert [mark.position for mark in await small.send([message])] == [1]


async def test_more_messages_than_one_batch_are_sent_in_several(connect_nats: ConnectNats) -> None:
    broker = await connect_nats()
    await broker.set_up(GROUPS)
    sent = messages(2500)
    subscription = await broker.subscribe("mypage", TOPIC)

    marks = await broker.send(sent)

    assert [mark.position for mark in marks] == list(range(1, 2501))
    assert [r.message for r in await fetch_all(subscription, 2500)] == sent


async def test_a_message_with_a_malformed_envelope_is_delivered(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(ack_wait=0.2)
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    foreign_client = await nats.connect(nats_server.url())

    await foreign_client.request(f"{TOPIC}.77", b"\xff\x00")
    await foreign_client.request(
        f"{TOPIC}.78", b"[]", headers={"ce-id": "not a uuid", "ce-type": "x"}
    )
    await foreign_client.close()
    first, second = await fetch_all(subscription, 2)
    again, _ = in_order(await fetch_all(subscription, 2))

    assert (first.message.type, first.message.key, first.message.data) == ("", "77", b"\xff\x00")
    assert (second.message.type, second.message.key, second.message.data) == ("", "78", b"[]")
    assert isinstance(first.message.event_id, UUID)
    assert again.message == first.message
    assert first.message.event_id != second.message.event_id


async def test_messages_have_cloudevents_headers(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.set_up(GROUPS)
    message = a_message("c0ffee")
    await broker.send([message])
    foreign_client = await nats.connect(nats_server.url())

    stored = await foreign_client.jsm().get_msg("bike-reservation", seq=1)
    await foreign_client.close()

    assert stored.subject == f"{TOPIC}.c0ffee"
    assert stored.headers == {
        "Nats-Msg-Id": str(message.event_id),
        "ce-specversion": "1.0",
        "ce-id": str(message.event_id),
        "ce-source": "reservation",
        "ce-type": "bike.ReservationRegistered.v1",
        "ce-subject": "c0ffee",
        "ce-time": "2026-11-24T01:02:03.456789+00:00",
        "ce-traceparent": message.traceparent,
    }


async def test_a_subscription_survives_a_deleted_consumer(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    admin = await nats.connect(nats_server.url())

    await admin.jsm().delete_consumer("bike-reservation", "mypage")
    await admin.close()
    await broker.send(messages(3))
    with pytest.raises(GroupMissing):
        await subscription.fetch(10, 0.5)
    await broker.set_up(GROUPS)

    assert len(await fetch_all(subscription, 3)) == 3


async def test_a_deleted_stream_is_made_again_and_is_another_incarnation(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.set_up(GROUPS)
    first = await broker.send(messages(2))
    admin = await nats.connect(nats_server.url())
    await admin.jsm().delete_stream("bike-reservation")
    await admin.close()

    with pytest.raises(TopicMissing):
        await broker.send(messages(2))
    await broker.set_up(GROUPS)
    second = await broker.send(messages(2))

    assert [mark.position for mark in second] == [1, 2]
    assert second[0].incarnation != first[0].incarnation


async def test_a_group_ahead_of_its_topic_begins_again(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    """As when the messages come back from an older copy of the disk."""
    broker = await connect_nats()
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(2))
    await stop(nats_server, broker)
    older = nats_server.copy_messages()
    nats_server.start()
    await wait_until_connected(broker)
    await broker.send(messages(3))
    await subscription.ack(await fetch_all(subscription, 5))
    await stop(nats_server, broker)
    nats_server.restore_messages(older)
    nats_server.start()
    await wait_until_connected(broker)

    await broker.set_up(GROUPS)

    assert [r.position for r in await fetch_all(subscription, 2)] == [1, 2]


async def stop(server: NatsServer, broker: NatsBroker) -> None:
    server.kill()
    await wait_until(lambda: not broker.connected)
