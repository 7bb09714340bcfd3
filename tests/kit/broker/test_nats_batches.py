"""Several events in one NATS message: how they are sent, read, acknowledged and found again."""

from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from uuid import uuid4

import msgspec
import nats
import pytest

from roadbike.kit.messaging.broker import Received, TopicFull
from roadbike.kit.messaging.broker.nats import NatsBroker, batch
from tests.kit.broker.conftest import ACK_WAIT, ConnectNats
from tests.kit.broker.messages import GROUPS, TOPIC, a_message, fetch_all, messages, payloads
from tests.kit.broker.nats_server import NatsServer

STREAM = "bike-reservation"


@pytest.fixture
async def broker(connect_nats: ConnectNats) -> NatsBroker:
    made = await connect_nats(batches=True)
    await made.set_up(GROUPS)
    return made


async def in_stream(nats_server: NatsServer) -> int:
    """Return the number of NATS messages of the topic."""
    client = await nats.connect(nats_server.url())
    count = int((await client.jsm().stream_info(STREAM)).state.messages)
    await client.close()
    return count


async def test_events_that_are_sent_together_are_one_message(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    sent = messages(120)
    subscription = await broker.subscribe("mypage", TOPIC)

    marks = await broker.send(sent)

    assert await in_stream(nats_server) == 1
    assert [mark.position for mark in marks] == [1] * 120
    received = await fetch_all(subscription, 120)
    assert [each.message for each in received] == sent
    assert {each.position for each in received} == {1}


async def test_an_event_that_is_alone_has_the_form_of_before(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    message = a_message("c0ffee")
    await broker.send([message])
    client = await nats.connect(nats_server.url())

    stored = await client.jsm().get_msg(STREAM, seq=1)
    await client.close()

    assert stored.subject == f"{TOPIC}.c0ffee"
    assert (stored.headers or {})["ce-id"] == str(message.event_id)


async def test_a_batch_is_in_the_form_of_cloudevents(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    first, second = a_message("a", data=b'{"bikeNm":"x"}'), a_message("b")
    await broker.send([first, second])
    client = await nats.connect(nats_server.url())

    stored = await client.jsm().get_msg(STREAM, seq=1)
    await client.close()

    assert (stored.headers or {})["Content-Type"] == "application/cloudevents-batch+json"
    assert msgspec.json.decode(stored.data or b"")[0] == {
        "specversion": "1.0",
        "id": str(first.event_id),
        "source": "reservation",
        "type": "bike.ReservationRegistered.v1",
        "subject": "a",
        "time": "2026-11-24T01:02:03.456789Z",
        "traceparent": first.traceparent,
        "data": {"bikeNm": "x"},
    }


async def test_a_batch_has_no_more_events_and_bytes_than_a_reader_takes(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    many = messages(batch.MAX_EVENTS + 1)
    large = [a_message(data=b'"%s"' % (b"x" * 300_000)) for _ in range(2)]

    marks = [mark.position for mark in await broker.send([*many, *large])]

    assert marks == [1] * batch.MAX_EVENTS + [2] * 2 + [3]
    assert await in_stream(nats_server) == 3


async def test_readers_that_send_single_messages_read_batches_and_the_other_way_round(
    broker: NatsBroker, connect_nats: ConnectNats
) -> None:
    single = await connect_nats()
    sent = messages(9)
    await broker.send(sent[:3])
    await single.send(sent[3:6])
    await broker.send(sent[6:])

    for reader, group in ((single, "mypage"), (broker, "stock")):
        await single.set_up({TOPIC: ("mypage", "stock")})
        received = await fetch_all(await reader.subscribe(group, TOPIC), 9)
        assert [each.message for each in received] == sent


async def test_a_batch_is_acknowledged_when_all_of_it_is(broker: NatsBroker) -> None:
    await broker.send(messages(6))
    subscription = await broker.subscribe("mypage", TOPIC)
    first, others = await subscription.fetch(2, 5), await subscription.fetch(10, 5)
    assert (len(first), len(others)) == (2, 4)

    await subscription.ack(others)
    await subscription.ack(others)  # twice the same four are not all six
    before = await subscription.progress()
    again = await fetch_all(subscription, 6)
    await subscription.ack(again)

    assert (before.done, before.backlog > 0) == ({0: 0}, True)
    assert payloads(again) == [m.data for m in messages(6)]
    assert [each.deliveries for each in again] == [2] * 6
    after = await subscription.progress()
    assert (after.done, after.backlog, await subscription.lag()) == ({0: 1}, 0, 0)


async def test_a_batch_that_is_acknowledged_in_parts_is_not_delivered_again(
    broker: NatsBroker,
) -> None:
    await broker.send(messages(6))
    subscription = await broker.subscribe("mypage", TOPIC)

    for _ in range(3):
        await subscription.ack(await subscription.fetch(2, 5))

    assert await subscription.lag() == 0
    assert await subscription.fetch(10, 2 * ACK_WAIT) == []


async def test_one_event_that_is_not_taken_brings_its_batch_again(broker: NatsBroker) -> None:
    await broker.send(messages(3))
    subscription = await broker.subscribe("mypage", TOPIC)
    first = await fetch_all(subscription, 3)

    await subscription.ack(first[1:])
    await subscription.nak(first[:1], 0.05)

    again = await fetch_all(subscription, 3, within=ACK_WAIT)
    assert [each.message for each in again] == [each.message for each in first]


async def test_a_closed_member_gives_the_rest_of_a_batch_to_its_group(
    broker: NatsBroker, connect_nats: ConnectNats
) -> None:
    closed = await connect_nats(ack_wait=60)
    await closed.set_up(GROUPS)
    await broker.send(messages(5))
    held = await (await closed.subscribe("mypage", TOPIC)).fetch(2, 5)

    await closed.close()

    other = await broker.subscribe("mypage", TOPIC)
    received = await fetch_all(other, 5)
    assert [each.message for each in received[:2]] == [each.message for each in held]
    assert len(received) == 5


async def test_the_log_has_each_event_of_a_batch_at_its_mark(broker: NatsBroker) -> None:
    first, second, third = messages(3)
    marks = await broker.send([first, second])
    (later,) = await broker.send([third])

    assert await broker.holds(TOPIC, marks[0], first.event_id)
    assert await broker.holds(TOPIC, marks[1], second.event_id)
    assert await broker.holds(TOPIC, later, third.event_id)
    assert not await broker.holds(TOPIC, marks[0], third.event_id)
    assert not await broker.holds(TOPIC, replace(later, position=3), uuid4())


async def test_a_batch_is_trimmed_when_all_its_events_are_acknowledged(
    connect_nats: ConnectNats, nats_server: NatsServer
) -> None:
    broker = await connect_nats(batches=True, max_bytes=64 * 1024, ack_wait=60)
    await broker.set_up(GROUPS)
    some = [a_message(data=b'"%s"' % (b"x" * 4_000)) for _ in range(5)]
    with suppress(TopicFull):
        while True:
            await broker.send([replace(each, event_id=uuid4()) for each in some])
    count = await in_stream(nats_server)
    subscription = await broker.subscribe("mypage", TOPIC)
    received = await fetch_all(subscription, 5 * count)

    await subscription.ack(received[:7])  # one batch, and a part of the next
    await broker.trim(TOPIC, None)

    assert await in_stream(nats_server) == count - 1


async def test_the_same_batch_sent_again_is_delivered_once(broker: NatsBroker) -> None:
    sent = messages(5)
    subscription = await broker.subscribe("mypage", TOPIC)

    marks = await broker.send(sent)
    assert await broker.send(sent) == marks

    await subscription.ack(await fetch_all(subscription, 5))
    assert await subscription.fetch(10, 0.1) == []


async def test_events_of_an_unfinished_batch_are_never_missed_by_its_repeat(
    broker: NatsBroker,
) -> None:
    """As when an event with a lower number was committed after the first attempt."""
    first, second, third, late = messages(4)
    subscription = await broker.subscribe("mypage", TOPIC)

    await broker.send([first, second, third])
    await broker.send([first, late, third])

    received = await fetch_all(subscription, 6)
    assert {each.message.event_id for each in received} == {
        each.event_id for each in (first, second, third, late)
    }


@pytest.mark.parametrize("data", [b"\xff\x00", b"", b" {} ", b"{", b"null", b'{"a":1}'])
async def test_data_of_any_kind_stay_as_they_are(broker: NatsBroker, data: bytes) -> None:
    sent = [a_message(1, data=data), a_message(2, data=b"{}")]
    subscription = await broker.subscribe("mypage", TOPIC)

    await broker.send(sent)

    assert [each.message for each in await fetch_all(subscription, 2)] == sent


async def test_a_reader_that_was_stopped_gets_no_more_than_it_can_take(
    broker: NatsBroker, connect_nats: ConnectNats
) -> None:
    async with AsyncExitStack() as stack:
        reader = await connect_nats("mypage", ack_wait=60)
        stack.push_async_callback(reader.close)
        for _ in range(30):
            await broker.send(messages(200))
        subscription = await reader.subscribe("mypage", TOPIC)

        received: list[Received] = await subscription.fetch(200, 5)

        assert len(received) == 200
        assert len(subscription._arrived) <= 20 * 200  # noqa: SLF001  what waits here is memory
        await subscription.ack(received)
        assert await subscription.lag() == 29 * 200
