"""What is read of a batch on NATS that somebody else made: malformed events, times, data."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import msgspec
import nats
import pytest

from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.broker.nats import NatsBroker, batch
from tests.kit.broker.conftest import ConnectNats
from tests.kit.broker.messages import GROUPS, TOPIC, fetch_all
from tests.kit.broker.nats_server import NatsServer

STORED = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
async def broker(connect_nats: ConnectNats) -> NatsBroker:
    made = await connect_nats(batches=True)
    await made.set_up(GROUPS)
    return made


async def publish_raw(nats_server: NatsServer, data: bytes) -> None:
    client = await nats.connect(nats_server.url())
    await client.request(f"{TOPIC}.batch", data, headers={"Content-Type": batch.BATCH})
    await client.close()


def event(**changed: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "reservation",
        "type": "bike.ReservationRegistered.v1",
        "subject": "1",
        "time": "2026-11-24T01:02:03Z",
        "data": {},
    } | changed


@pytest.mark.parametrize(
    "bad",
    [
        {},
        7,
        event(id="no uuid"),
        event(subject="two words"),
        event(subject="x" * 129),
        event(type="a\0b"),
        event(source="a\nb"),
        event(traceparent="\0"),
        event(time="yesterday"),
        event(data_base64="?", data=None),
    ],
)
async def test_one_malformed_event_leaves_the_others_of_its_batch_readable(
    broker: NatsBroker, nats_server: NatsServer, bad: object
) -> None:
    good = event()
    subscription = await broker.subscribe("mypage", TOPIC)

    await publish_raw(nats_server, msgspec.json.encode([good, bad, good]))
    received = await fetch_all(subscription, 3)
    again = await fetch_all(subscription, 3)

    assert [each.message.type for each in received] == [good["type"], "", good["type"]]
    assert [each.message.event_id for each in again] == [each.message.event_id for each in received]


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"[]", b"[" + b"0," * batch.MAX_READ + b"0]"])
async def test_a_batch_that_cannot_be_read_is_one_malformed_message(
    broker: NatsBroker, nats_server: NatsServer, data: bytes
) -> None:
    subscription = await broker.subscribe("mypage", TOPIC)

    await publish_raw(nats_server, data)
    (received,) = await fetch_all(subscription, 1)
    await subscription.ack([received])

    assert (received.message.type, received.message.data) == ("", data)
    assert await subscription.lag() == 0


def test_times_of_other_zones_and_of_none_are_utc() -> None:
    zone = timezone(timedelta(hours=9))
    there = datetime(2026, 11, 24, 10, 2, 3, tzinfo=zone)
    events = [event(time=there.isoformat()), event(time="2026-11-24T01:02:03")]

    read: Sequence[Message] = batch.messages_of(TOPIC, 1, STORED, msgspec.json.encode(events))

    assert [each.time for each in read] == [datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)] * 2
