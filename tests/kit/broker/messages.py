"""Messages for the tests of the broker, and ways to wait for them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from roadbike.kit.messaging.broker import Broker, Message, Received, Subscription

TOPIC = "bike.reservation"


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


async def everything(
    subscription: Subscription, count: int, *, within: float = 10.0
) -> list[Received]:
    """That many messages, not acknowledged; or what came of them within that time."""
    received: list[Received] = []
    until = time.monotonic() + within
    while len(received) < count and (left := until - time.monotonic()) > 0:
        received += await subscription.fetch(count - len(received), min(left, 1.0))
    return received


async def until_connected(broker: Broker) -> None:
    await until(lambda: broker.connected)


async def until(fact: Callable[[], bool], *, within: float = 5.0) -> None:
    begun = time.monotonic()
    while not fact():
        assert time.monotonic() - begun < within, f"not so within {within} s"
        await asyncio.sleep(0.005)


def in_order(received: Sequence[Received]) -> list[Received]:
    """As they stand in the topic: those that come again may come in any order."""
    return sorted(received, key=lambda one: one.position)


def payloads(received: Sequence[Received]) -> list[bytes]:
    return [one.message.data for one in received]
