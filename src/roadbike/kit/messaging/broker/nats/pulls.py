"""Pull requests to one consumer over one connection, and the messages that come back."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from roadbike.kit.messaging.broker.nats.envelope import (
    NANOSECONDS,
    delivery_of,
    message_of,
    stream_of,
)
from roadbike.kit.messaging.broker.nats.link import Life
from roadbike.kit.messaging.broker.port import Received

GRACE_SECONDS: Final = 1.0  # the server says when a pull is over; this much later we stop waiting
OVER: Final = frozenset({"404", "408"})  # statuses of a pull that ended as it should


@dataclass(frozen=True, slots=True)
class Handle:
    """Where an acknowledgement goes, and over what the message came."""

    reply: str
    pulls: "Pulls"


class Pulls:
    """incarnation: the stream's (a consumer has another one after each restart of the server).

    arrived: where messages are put; what arrives late for one pull is there for the next.
    """

    def __init__(
        self, life: Life, topic: str, group: str, incarnation: str, arrived: deque[Received]
    ) -> None:
        self.life, self.incarnation = life, incarnation
        self.broken = False
        self._topic, self._arrived = topic, arrived
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream_of(topic)}.{group}"
        self._inbox = life.client.new_inbox()
        self._listening: Subscription | None = None
        self._number = self._wanted = 0
        self._over = asyncio.Event()

    async def open(self, within: float) -> None:
        """Begin to listen. Raises BrokerUnavailable, as all here does."""
        call = self.life.client.subscribe(f"{self._inbox}.*", cb=self._take)
        self._listening = await self.life.call(call, within)

    async def close(self, within: float) -> None:
        """What the server has sent by now still arrives; it sends no more."""
        if self._listening is not None:
            drain = self._listening.drain()  # type: ignore[no-untyped-call]
            await self.life.call(drain, within)

    async def pull(self, at_most: int, wait: float) -> None:
        """Until the first messages are there with all that stood behind them, or `wait` is over.

        `no_wait` with `expires` makes the server answer as soon as it has something.
        """
        self._number += 1
        self._wanted = at_most
        self._over.clear()
        request: dict[str, object] = {"batch": at_most, "no_wait": True}
        if wait > 0:
            request["expires"] = int(wait * NANOSECONDS)
        await self.life.call(self._ask(request), max(wait, 0) + GRACE_SECONDS)

    async def acknowledge(self, replies: Sequence[str], within: float, *, surely: bool) -> None:
        """One by one without waiting; surely = see the last one answered, so all are counted."""
        await self.life.call(self._acknowledge(replies, within, surely), within)

    async def refuse(self, replies: Sequence[str], delay: float, within: float) -> None:
        """Let them come again, `delay` seconds from now."""
        again = msgspec.json.encode({"delay": int(delay * NANOSECONDS)}) if delay > 0 else b""
        await self.life.call(self._say(replies, b"-NAK " + again), within)

    async def _ask(self, request: dict[str, object]) -> None:
        body, reply = msgspec.json.encode(request), f"{self._inbox}.{self._number}"
        await self.life.client.publish(self._next, body, reply=reply)
        await self._over.wait()

    async def _acknowledge(self, replies: Sequence[str], within: float, surely: bool) -> None:  # noqa: FBT001
        await self._say(replies[:-1], b"+ACK")
        if surely:
            await self.life.client.request(replies[-1], b"+ACK", timeout=within)
        else:
            await self._say(replies[-1:], b"+ACK")

    async def _say(self, replies: Sequence[str], word: bytes) -> None:
        for reply in replies:
            await self.life.client.publish(reply, word)

    async def _take(self, msg: Msg) -> None:
        if msg.reply:
            self._arrived.append(self._received(msg))
            if len(self._arrived) >= self._wanted:
                self._over.set()
        elif msg.subject.endswith(f".{self._number}"):  # else it ends a pull given up before
            self.broken |= (msg.headers or {}).get("Status") not in OVER
            self._over.set()

    def _received(self, msg: Msg) -> Received:
        position, deliveries, _ = delivery_of(msg)
        return Received(
            message=message_of(self._topic, msg),
            position=position,
            deliveries=deliveries,
            handle=Handle(msg.reply, self),
        )
