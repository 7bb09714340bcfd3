"""What only NATS does: limits of a stream, batches, envelopes of others, users."""

from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import nats
import pytest

from roadbike.kit.messaging.broker import BrokerUnavailable, Mark, TopicFull
from roadbike.kit.messaging.broker.nats import NatsBroker
from tests.kit.broker.conftest import ConnectNats
from tests.kit.broker.messages import TOPIC, a_message, everything, in_order, messages
from tests.kit.broker.nats_server import NatsServer

KIBIBYTE = 1024


@pytest.mark.parametrize("together", [1, 10])
async def test_a_full_topic_keeps_what_it_has_and_takes_no_more(
    connect_nats: ConnectNats, together: int
) -> None:
    small = await connect_nats(max_bytes=64 * KIBIBYTE, ack_wait=30)
    await small.declare(TOPIC)
    kept: list[Mark] = []

    async def publish_for_ever() -> None:
        while True:
            some = [a_message(data=b"x" * 4 * KIBIBYTE) for _ in range(together)]
            kept.extend(await small.send(some))

    with pytest.raises(TopicFull):
        await publish_for_ever()

    hearer = await small.subscribe("mypage", TOPIC)
    assert 0 < len(kept) < 16
    assert len(await everything(hearer, 16, within=0.5)) == len(kept)


async def filled(broker: NatsBroker) -> list[Mark]:
    """Marks of all that the topic took before it was full."""
    await broker.declare(TOPIC)
    kept: list[Mark] = []
    with suppress(TopicFull):
        while True:
            kept += await broker.send([a_message(data=b"x" * 4 * KIBIBYTE)])
    return kept


async def test_a_nearly_full_topic_forgets_what_all_have_heard(connect_nats: ConnectNats) -> None:
    small = await connect_nats(max_bytes=64 * KIBIBYTE)
    kept = await filled(small)
    quick, slow = await small.subscribe("mypage", TOPIC), await small.subscribe("stock", TOPIC)
    await quick.ack(await everything(quick, len(kept)))
    await slow.ack((await everything(slow, len(kept)))[:5])

    await small.trim(TOPIC, up_to=kept[-1])

    await small.send([a_message(data=b"x" * 4 * KIBIBYTE) for _ in range(5)])
    late = await small.subscribe("delivery", TOPIC)
    assert [one.position for one in await everything(late, len(kept))] == [
        *(mark.position for mark in kept[5:]),
        *range(kept[-1].position + 1, kept[-1].position + 6),
    ]


async def test_nothing_younger_is_forgotten(connect_nats: ConnectNats) -> None:
    small = await connect_nats(max_bytes=64 * KIBIBYTE)
    kept = await filled(small)
    hearer = await small.subscribe("mypage", TOPIC)
    await hearer.ack(await everything(hearer, len(kept)))

    await small.trim(TOPIC, up_to=kept[2])

    late = await small.subscribe("stock", TOPIC)
    (first,) = await late.fetch(1, 5)
    assert first.position == kept[3].position


@pytest.mark.parametrize("change", [{"incarnation": "another"}, {}])
async def test_a_topic_with_room_or_another_log_forgets_nothing(
    connect_nats: ConnectNats, change: dict[str, str]
) -> None:
    small = await connect_nats(max_bytes=64 * KIBIBYTE)
    if change:
        kept = await filled(small)
    else:
        await small.declare(TOPIC)
        kept = await small.send([a_message()])
    hearer = await small.subscribe("mypage", TOPIC)
    await hearer.ack(await everything(hearer, len(kept)))

    await small.trim(TOPIC, up_to=replace(kept[-1], **change))

    late = await small.subscribe("stock", TOPIC)
    assert len(await everything(late, len(kept))) == len(kept)


async def test_a_full_topic_goes_on_when_it_is_given_more_room(connect_nats: ConnectNats) -> None:
    small = await connect_nats(max_bytes=8 * KIBIBYTE)
    await small.declare(TOPIC)
    message = a_message(data=b"x" * 16 * KIBIBYTE)
    with pytest.raises(TopicFull):
        await small.send([message])

    larger = await connect_nats(max_bytes=64 * KIBIBYTE)
    await larger.declare(TOPIC)

    assert [mark.position for mark in await small.send([message])] == [1]


async def test_more_than_a_batch_is_published_in_parts(connect_nats: ConnectNats) -> None:
    broker = await connect_nats()
    await broker.declare(TOPIC)
    told = messages(2500)
    hearer = await broker.subscribe("mypage", TOPIC)

    marks = await broker.send(told)

    assert [mark.position for mark in marks] == list(range(1, 2501))
    assert [one.message for one in await everything(hearer, 2500)] == told


async def test_an_envelope_that_cannot_be_read_arrives_nevertheless(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats(ack_wait=0.2)
    await broker.declare(TOPIC)
    hearer = await broker.subscribe("mypage", TOPIC)
    stranger = await nats.connect(nats_server.url())

    await stranger.request(f"{TOPIC}.77", b"\xff\x00")
    await stranger.request(f"{TOPIC}.78", b"[]", headers={"ce-id": "no uuid", "ce-type": "x"})
    await stranger.close()
    first, second = await everything(hearer, 2)
    again, _ = in_order(await everything(hearer, 2))

    assert (first.message.type, first.message.key, first.message.data) == ("", "77", b"\xff\x00")
    assert (second.message.type, second.message.key, second.message.data) == ("", "78", b"[]")
    assert isinstance(first.message.event_id, UUID)
    assert again.message == first.message
    assert first.message.event_id != second.message.event_id


async def test_messages_are_cloudevents_for_others_too(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.declare(TOPIC)
    message = a_message("c0ffee")
    await broker.send([message])
    stranger = await nats.connect(nats_server.url())

    stored = await stranger.jsm().get_msg("bike-reservation", seq=1)
    await stranger.close()

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
    await broker.declare(TOPIC)
    hearer = await broker.subscribe("mypage", TOPIC)
    admin = await nats.connect(nats_server.url())

    await admin.jsm().delete_consumer("bike-reservation", "mypage")
    await admin.close()
    await broker.send(messages(3))

    assert len(await everything(hearer, 3)) == 3


async def test_a_stream_deleted_under_us_is_made_again(
    nats_server: NatsServer, connect_nats: ConnectNats
) -> None:
    broker = await connect_nats()
    await broker.declare(TOPIC)
    first = await broker.send(messages(2))
    admin = await nats.connect(nats_server.url())
    await admin.jsm().delete_stream("bike-reservation")
    await admin.close()

    with pytest.raises(BrokerUnavailable):
        await broker.send(messages(2))
    second = await broker.send(messages(2))

    assert [mark.position for mark in second] == [1, 2]
    assert second[0].incarnation != first[0].incarnation
