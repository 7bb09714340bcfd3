"""A group's durable pull consumer, which outlives connections, servers and lost streams."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from roadbike.kit.messaging.broker.nats.api import (
    ConsumerInfo,
    asked,
    make_consumer,
    refusal,
    stream_info,
)
from roadbike.kit.messaging.broker.nats.envelope import stream_of
from roadbike.kit.messaging.broker.nats.link import Life, Link
from roadbike.kit.messaging.broker.nats.pulls import Handle, Pulls
from roadbike.kit.messaging.broker.port import BrokerUnavailable, Received, Subscription

PAUSE_SECONDS: Final = 0.02  # before pulling again when the server ended a pull early


class NatsSubscription(Subscription):
    """One for all who ask the same broker object for this group and topic."""

    def __init__(
        self, link: Link, group: str, topic: str, *, ack_wait: float, patience: float
    ) -> None:
        self._link, self._group, self._topic = link, group, topic
        self._ack_wait, self._patience = ack_wait, patience
        self._pulls: Pulls | None = None
        self._arrived: deque[Received] = deque()  # not handed out yet
        self._out: dict[int, Received] = {}  # handed out, not acknowledged yet
        self._owed: list[Handle] = []  # acknowledgements that no server has taken yet
        self._opening, self._fetching = asyncio.Lock(), asyncio.Lock()

    async def open(self, within: float) -> Pulls:
        """The consumer over the present connection, with nothing owed to it.

        Raises BrokerUnavailable, TopicMissing.
        """
        async with self._opening:
            life = await self._link.life_within(within)
            if self._pulls is None or self._pulls.life is not life or self._pulls.broken:
                self._pulls = await self._opened(life)
            if self._owed:
                await self._pay(self._pulls)
            return self._pulls

    async def fetch(self, at_most: int, wait: float) -> list[Received]:
        async with self._fetching:
            if not self._arrived:
                await self._fetch(at_most, time.monotonic() + wait)
            return self._hand_out(at_most)

    async def ack(self, received: Sequence[Received]) -> None:
        self._owed += self._taken_back(received)
        with suppress(BrokerUnavailable):
            await self.open(within=0)

    async def nak(self, received: Sequence[Received], delay: float) -> None:
        handles = self._taken_back(received)
        with suppress(BrokerUnavailable):
            pulls = await self.open(within=0)
            await pulls.refuse(_replies(handles, pulls), delay, self._patience)

    async def lag(self) -> int:
        pulls = await self.open(within=0)
        call = f"CONSUMER.INFO.{stream_of(self._topic)}.{self._group}"
        info = await asked(pulls.life, call, {}, ConsumerInfo, self._patience)
        if info.error is not None:
            pulls.broken = True
            raise refusal(info.error)
        return info.num_pending + info.num_ack_pending

    async def close(self) -> None:
        """Others of the group need not wait for what we had."""
        if self._pulls is not None:
            with suppress(BrokerUnavailable):
                await self._pulls.close(self._patience)
                await self.nak([*self._out.values(), *self._arrived], delay=0)

    async def _opened(self, life: Life) -> Pulls:
        stream = await stream_info(life, self._topic, self._patience)
        await make_consumer(life, self._topic, self._group, self._ack_wait, self._patience)
        pulls = Pulls(life, self._topic, self._group, stream.created, self._arrived)
        await pulls.open(self._patience)
        return pulls

    async def _fetch(self, at_most: int, until: float) -> None:
        while True:
            pulls = await self.open(within=until - time.monotonic())
            try:
                await pulls.pull(at_most, until - time.monotonic())
            except BrokerUnavailable:
                if time.monotonic() >= until:
                    raise
            if self._arrived or time.monotonic() >= until:
                return
            await asyncio.sleep(PAUSE_SECONDS)

    def _hand_out(self, at_most: int) -> list[Received]:
        some = [self._arrived.popleft() for _ in range(min(at_most, len(self._arrived)))]
        self._out.update((one.position, one) for one in some)
        return some

    def _taken_back(self, received: Sequence[Received]) -> list[Handle]:
        for one in received:
            self._out.pop(one.position, None)
        return [one.handle for one in received if isinstance(one.handle, Handle)]

    async def _pay(self, pulls: Pulls) -> None:
        owed = list(self._owed)
        if replies := _replies(owed, pulls):
            # A server that was killed may have forgotten that it delivered: it is silent then.
            surely = all(handle.pulls is pulls for handle in owed)
            await pulls.acknowledge(replies, self._patience, surely=surely)
        del self._owed[: len(owed)]


def _replies(handles: Sequence[Handle], pulls: Pulls) -> list[str]:
    """Without those of a log that is no more: its numbers mean other messages now."""
    return [handle.reply for handle in handles if handle.pulls.incarnation == pulls.incarnation]
