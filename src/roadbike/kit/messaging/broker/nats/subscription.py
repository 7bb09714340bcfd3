"""The subscription port on a durable pull consumer, across connections and lost streams."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from roadbike.kit.messaging.broker.nats.api import (
    ConsumerInfo,
    consumer_info,
    stream_info,
)
from roadbike.kit.messaging.broker.nats.connection import Connection, Connector
from roadbike.kit.messaging.broker.nats.pulls import Delivery, Part, Pulls, Size
from roadbike.kit.messaging.broker.port import (
    BrokerUnavailable,
    GroupMissing,
    Progress,
    Received,
    Subscription,
    TopicMissing,
)

PAUSE_SECONDS: Final = 0.02  # before the next pull when the server has ended one early


class NatsSubscription(Subscription):
    """The subscription of a group to a topic; a NatsBroker has one for each pair."""

    def __init__(self, connector: Connector, group: str, topic: str, *, timeout: float) -> None:
        self._connector, self._group, self._topic = connector, group, topic
        self._timeout = timeout
        self._pulls: Pulls | None = None
        self._arrived: deque[Received] = deque()  # not fetched yet
        self._in_flight: dict[int, Delivery] = {}  # fetched, not done yet; by position
        self._unsent_acks: list[Delivery] = []
        self._size = Size()
        self._opening, self._fetching = asyncio.Lock(), asyncio.Lock()

    async def open(self, within: float) -> Pulls:
        """Return the pulls over the current connection, after sending unsent acknowledgements.

        within: seconds to wait for a connection.
        Raises BrokerUnavailable, TopicMissing, GroupMissing.
        """
        async with self._opening:
            connection = await self._connector.connection_within(within)
            pulls = self._pulls
            if pulls is None or pulls.connection is not connection or pulls.broken:
                pulls = self._pulls = await self._open(connection)
            if self._unsent_acks:
                await self._send_acks(pulls)
            return pulls

    async def fetch(self, at_most: int, wait: float) -> list[Received]:
        async with self._fetching:
            if not self._arrived:
                await self._fetch(at_most, time.monotonic() + wait)
            return self._deliver(at_most)

    async def ack(self, received: Sequence[Received]) -> None:
        self._unsent_acks += self._wholly_acknowledged(received)
        with suppress(BrokerUnavailable):
            await self.open(within=0)

    async def nak(self, received: Sequence[Received], delay: float) -> None:
        deliveries = list(dict.fromkeys(part.delivery for part in _parts(received)))
        self._forget(deliveries)
        with suppress(BrokerUnavailable):
            pulls = await self.open(within=0)
            unfinished = [each for each in deliveries if each.waiting]
            await pulls.nak(_ack_subjects(unfinished, pulls), delay, self._timeout)

    async def lag(self) -> int:
        pulls = await self.open(within=0)
        return self._size.events_in((await self._info(pulls)).unacknowledged)

    async def progress(self) -> Progress:
        pulls = await self.open(within=0)
        # the stream first: what is acknowledged later may be beyond the end, never before it
        stream = await stream_info(pulls.connection, self._topic, self._timeout)
        group = await self._info(pulls)
        end, floor = stream.state.last_seq, group.ack_floor.stream_seq
        return Progress(
            incarnation=stream.created,
            ends={0: end},
            done={0: floor if group.unacknowledged else max(end, floor)},
            backlog=self._size.events_in(group.unacknowledged),
        )

    async def close(self) -> None:
        """Let other members of the group fetch what is not acknowledged here."""
        if self._pulls is not None:
            with suppress(BrokerUnavailable):
                await self._pulls.close(self._timeout)
                held = {*self._in_flight.values(), *(p.delivery for p in _parts(self._arrived))}
                pulls = await self.open(within=0)
                await pulls.nak(_ack_subjects(list(held), pulls), 0, self._timeout)

    async def _info(self, pulls: Pulls) -> ConsumerInfo:
        try:
            return await consumer_info(pulls.connection, self._topic, self._group, self._timeout)
        except (GroupMissing, TopicMissing):
            pulls.broken = True
            raise

    async def _open(self, connection: Connection) -> Pulls:
        stream = await stream_info(connection, self._topic, self._timeout)
        group = await consumer_info(connection, self._topic, self._group, self._timeout)
        incarnation = f"{stream.created}/{group.generation}"
        pulls = Pulls(connection, self._topic, self._group, incarnation, self._arrived, self._size)
        await pulls.open(self._timeout)
        return pulls

    async def _fetch(self, at_most: int, deadline: float) -> None:
        while True:
            pulls = await self.open(within=deadline - time.monotonic())
            try:
                await pulls.pull(self._size.messages_for(at_most), deadline - time.monotonic())
            except BrokerUnavailable:
                if time.monotonic() >= deadline:
                    raise
            if self._arrived or time.monotonic() >= deadline:
                return
            await asyncio.sleep(PAUSE_SECONDS)

    def _deliver(self, at_most: int) -> list[Received]:
        some = [self._arrived.popleft() for _ in range(min(at_most, len(self._arrived)))]
        self._in_flight.update((part.delivery.position, part.delivery) for part in _parts(some))
        return some

    def _forget(self, deliveries: Iterable[Delivery]) -> None:
        for each in deliveries:
            if self._in_flight.get(each.position) is each:
                del self._in_flight[each.position]

    def _wholly_acknowledged(self, received: Sequence[Received]) -> list[Delivery]:
        """Note that these are acknowledged; return the deliveries of which nothing is left."""
        deliveries: dict[Delivery, None] = {}
        for delivery, number in _parts(received):
            delivery.waiting.discard(number)
            deliveries[delivery] = None
        done = [each for each in deliveries if not each.waiting]
        self._forget(done)
        return done

    async def _send_acks(self, pulls: Pulls) -> None:
        acks = list(self._unsent_acks)
        if subjects := _ack_subjects(acks, pulls):
            # a server that was killed may not know of its deliveries and then does not reply
            confirm = all(delivery.pulls is pulls for delivery in acks)
            await pulls.ack(subjects, self._timeout, confirm=confirm)
        del self._unsent_acks[: len(acks)]


def _parts(received: Iterable[Received]) -> Iterator[Part]:
    return (each.handle for each in received if isinstance(each.handle, Part))


def _ack_subjects(deliveries: Sequence[Delivery], pulls: Pulls) -> list[str]:
    """Return the subjects of messages of the same incarnation of stream and group.

    In another incarnation the same positions may belong to other messages.
    """
    return [each.subject for each in deliveries if each.pulls.incarnation == pulls.incarnation]
