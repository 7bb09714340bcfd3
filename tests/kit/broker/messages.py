"""Build messages for the tests of the broker, and wait for them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from roadbike.kit.messaging.broker import Broker, Message, Received, Subscription
from roadbike.kit.messaging.broker.nats import NatsBroker

TOPIC = "bike.reservation"
GROUPS = {TOPIC: ("mypage",)}  # what the set-up job makes


def a_message(key: object = 1, *, event_id: UUID | None = None, data: bytes = b"{}") -> Message:
    return Message(
        event_id=event_id or uuid4(),
        type="bike.ReservationRegistered.v1",
        source="reservation",
        topic=TOPIC,
        key=str(key),
        time=datetime(2026, 11, 24, 1, 2, 3, 456789, UTC),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=data,
    )


def messages(count: int) -> list[Message]:
    return [a_message(number, data=b'{"number":%d}' % number) for number in range(count)]


async def fetch_all(
    subscription: Subscription, count: int, *, within: float = 10.0
) -> list[Received]:
    """Fetch `count` messages without acknowledging them; fewer when `within` seconds are over."""
    received: list[Received] = []
    deadline = time.monotonic() + within
    while len(received) < count and (left := deadline - time.monotonic()) > 0:
        received += await subscription.fetch(count - len(received), min(left, 1.0))
    return received


async def wait_until_connected(broker: Broker) -> None:
    await wait_until(lambda: broker.connected)


async def wait_until(holds: Callable[[], bool], *, within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"the condition was not met within {within} s"
        await asyncio.sleep(0.005)


def in_order(received: Sequence[Received]) -> list[Received]:
    """Sort by position: repeated messages are delivered in any order."""
    return sorted(received, key=lambda message: message.position)


def payloads(received: Sequence[Received]) -> list[bytes]:
    return [r.message.data for r in received]


async def idle_lag(subscription: Subscription) -> int:
    """Return the lag after a fetch that finds nothing: then Kafka has passed what is no message."""
    assert await subscription.fetch(10, 0.1) == []
    return await subscription.lag()


def recognizes_repeated_messages(broker: Broker) -> None:
    """Skip the test on a broker that appends a message again that was sent before."""
    if broker.name == "kafka":
        pytest.skip("Kafka appends a repeated message again; the inbox ignores it (test_kafka_log)")


def has_a_place_for_each_message(broker: Broker) -> None:
    """Skip the test on a broker where messages that are sent together share one place."""
    if isinstance(broker, NatsBroker) and broker.batches:
        pytest.skip(
            "messages of one call share a place and its acknowledgement (test_nats_batches)"
        )
