"""Pull requests to one consumer over one connection, and the messages that they return."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from roadbike.kit.messaging.broker.nats.batch import BATCH, CONTENT_TYPE, messages_of
from roadbike.kit.messaging.broker.nats.connection import Connection
from roadbike.kit.messaging.broker.nats.envelope import (
    NANOSECONDS,
    ack_metadata,
    message_of,
    stream_of,
)
from roadbike.kit.messaging.broker.port import Received

GRACE_SECONDS: Final = 1.0  # after the time at which the server should have ended a pull
FIRST_MESSAGES: Final = 20  # asked for while nothing is known of how many events they have
NEWEST_WEIGHT: Final = 0.2
NORMAL_END: Final = frozenset({"404", "408"})  # statuses of a pull: no messages, expired


@dataclass(eq=False, slots=True)
class Delivery:
    """One delivered NATS message: its position, the subject to acknowledge it, who received it.

    waiting: the numbers of its events that are not acknowledged yet.
    """

    position: int
    subject: str
    pulls: "Pulls"
    waiting: set[int]


class Part(NamedTuple):
    """One event of a delivery: the handle of a Received."""

    delivery: Delivery
    number: int


class Size:
    """How many events one NATS message of a topic has, on average of late."""

    def __init__(self) -> None:
        self._events: float | None = None

    def note(self, events: int) -> None:
        """Take in that a message had this many events."""
        known = events if self._events is None else self._events
        self._events = max(1.0, known + (events - known) * NEWEST_WEIGHT)

    def messages_for(self, events: int) -> int:
        """Return how many messages to ask for, to get about this many events."""
        if self._events is None:
            return min(events, FIRST_MESSAGES)
        return max(1, round(events / self._events))

    def events_in(self, messages: int) -> int:
        """Return about how many events these messages have: 0 only for none."""
        return round(messages * (self._events or 1))


class Pulls:
    """The pull requests of one group over one connection.

    incarnation: creation time of the stream, and the generation of the group (the creation time
    of its consumer changes with each restart).
    arrived: receives the messages, also those that come too late for their pull request.
    broken: a pull ended with an error, so the consumer has to be opened again.
    Every method raises BrokerUnavailable; `within` is in seconds.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        group: str,
        incarnation: str,
        arrived: deque[Received],
        size: Size,
    ) -> None:
        self.connection, self.incarnation = connection, incarnation
        self.broken = False
        self._topic, self._arrived, self._size = topic, arrived, size
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream_of(topic)}.{group}"
        self._inbox = connection.client.new_inbox()
        self._subscription: Subscription | None = None
        self._number = self._missing = 0
        self._ended = asyncio.Event()

    async def open(self, within: float) -> None:
        """Subscribe to the replies of the pull requests."""
        call = self.connection.client.subscribe(f"{self._inbox}.*", cb=self._receive)
        self._subscription = await self.connection.call(call, within)

    async def close(self, within: float) -> None:
        """Unsubscribe; messages that the server has sent already still arrive."""
        if self._subscription is not None:
            drain = self._subscription.drain()  # type: ignore[no-untyped-call]
            await self.connection.call(drain, within)

    async def pull(self, at_most: int, wait: float) -> None:
        """Wait up to `wait` seconds until NATS messages have arrived, at most `at_most` of them.

        `no_wait` with `expires` makes the server end the pull as soon as it has sent what it has.
        """
        self._number += 1
        self._missing = at_most
        self._ended.clear()
        request: dict[str, object] = {"batch": at_most, "no_wait": True}
        if wait > 0:
            request["expires"] = int(wait * NANOSECONDS)
        await self.connection.call(self._request_pull(request), max(wait, 0) + GRACE_SECONDS)

    async def ack(self, subjects: Sequence[str], within: float, *, confirm: bool) -> None:
        """Acknowledge the messages with these ack subjects.

        confirm: wait for the server's reply to the last one, by which it has counted all.
        """
        await self.connection.call(self._ack(subjects, within, confirm), within)

    async def nak(self, subjects: Sequence[str], delay: float, within: float) -> None:
        """Ask for redelivery of the messages with these ack subjects after `delay` seconds."""
        options = msgspec.json.encode({"delay": int(delay * NANOSECONDS)}) if delay > 0 else b""
        await self.connection.call(self._publish(subjects, b"-NAK " + options), within)

    async def _request_pull(self, request: dict[str, object]) -> None:
        body, reply = msgspec.json.encode(request), f"{self._inbox}.{self._number}"
        await self.connection.client.publish(self._next, body, reply=reply)
        await self._ended.wait()

    async def _ack(self, subjects: Sequence[str], within: float, confirm: bool) -> None:  # noqa: FBT001
        await self._publish(subjects[:-1], b"+ACK")
        if confirm:
            await self.connection.client.request(subjects[-1], b"+ACK", timeout=within)
        else:
            await self._publish(subjects[-1:], b"+ACK")

    async def _publish(self, subjects: Sequence[str], payload: bytes) -> None:
        for subject in subjects:
            await self.connection.client.publish(subject, payload)

    async def _receive(self, msg: Msg) -> None:
        if msg.reply:
            self._arrived.extend(self._received(msg))
            self._missing -= 1
            if self._missing <= 0:
                self._ended.set()
        elif msg.subject.endswith(f".{self._number}"):  # else it is the end of an earlier pull
            self.broken |= (msg.headers or {}).get("Status") not in NORMAL_END
            self._ended.set()

    def _received(self, msg: Msg) -> list[Received]:
        metadata = ack_metadata(msg)
        if (msg.headers or {}).get(CONTENT_TYPE) == BATCH:
            stored = datetime.fromtimestamp(metadata.stored_seconds, UTC)
            messages = messages_of(self._topic, metadata.position, stored, msg.data)
        else:
            messages = [message_of(self._topic, msg)]
        self._size.note(len(messages))
        delivery = Delivery(metadata.position, msg.reply, self, set(range(len(messages))))
        return [
            Received(
                message=message,
                position=metadata.position,
                deliveries=metadata.deliveries,
                handle=Part(delivery, number),
            )
            for number, message in enumerate(messages)
        ]
