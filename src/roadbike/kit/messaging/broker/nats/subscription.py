"""The subscription port on a durable pull consumer, across connections and lost streams."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from roadbike.kit.messaging.broker.nats.api import (
    ConsumerInfo,
    consumer_info,
    stream_info,
)
from roadbike.kit.messaging.broker.nats.connection import Connection, Connector
from roadbike.kit.messaging.broker.nats.pulls import AckHandle, Pulls
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
        self._in_flight: dict[int, Received] = {}  # fetched, not acknowledged yet; by position
        self._unsent_acks: list[AckHandle] = []
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
        self._unsent_acks += self._take_in_flight(received)
        with suppress(BrokerUnavailable):
            await self.open(within=0)

    async def nak(self, received: Sequence[Received], delay: float) -> None:
        handles = self._take_in_flight(received)
        with suppress(BrokerUnavailable):
            pulls = await self.open(within=0)
            await pulls.nak(_ack_subjects(handles, pulls), delay, self._timeout)

    async def lag(self) -> int:
        pulls = await self.open(within=0)
        return (await self._info(pulls)).unacknowledged

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
            backlog=group.unacknowledged,
        )

    async def close(self) -> None:
        """Let other members of the group fetch what is not acknowledged here."""
        if self._pulls is not None:
            with suppress(BrokerUnavailable):
                await self._pulls.close(self._timeout)
                await self.nak([*self._in_flight.values(), *self._arrived], delay=0)

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
        pulls = Pulls(connection, self._topic, self._group, incarnation, self._arrived)
        await pulls.open(self._timeout)
        return pulls

    async def _fetch(self, at_most: int, deadline: float) -> None:
        while True:
            pulls = await self.open(within=deadline - time.monotonic())
            try:
                await pulls.pull(at_most, deadline - time.monotonic())
            except BrokerUnavailable:
                if time.monotonic() >= deadline:
                    raise
            if self._arrived or time.monotonic() >= deadline:
                return
            await asyncio.sleep(PAUSE_SECONDS)

    def _deliver(self, at_most: int) -> list[Received]:
        some = [self._arrived.popleft() for _ in range(min(at_most, len(self._arrived)))]
        self._in_flight.update((received.position, received) for received in some)
        return some

    def _take_in_flight(self, received: Sequence[Received]) -> list[AckHandle]:
        for each in received:
            self._in_flight.pop(each.position, None)
        return [each.handle for each in received if isinstance(each.handle, AckHandle)]

    async def _send_acks(self, pulls: Pulls) -> None:
        acks = list(self._unsent_acks)
        if subjects := _ack_subjects(acks, pulls):
            # a server that was killed may not know of its deliveries and then does not reply
            confirm = all(handle.pulls is pulls for handle in acks)
            await pulls.ack(subjects, self._timeout, confirm=confirm)
        del self._unsent_acks[: len(acks)]


def _ack_subjects(handles: Sequence[AckHandle], pulls: Pulls) -> list[str]:
    """Return the subjects of messages of the same incarnation of stream and group.

    In another incarnation the same positions may belong to other messages.
    """
    return [handle.subject for handle in handles if handle.pulls.incarnation == pulls.incarnation]
