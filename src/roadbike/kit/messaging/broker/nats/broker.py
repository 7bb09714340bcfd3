"""The broker port on NATS JetStream: sends atomic batches, consumes by pull requests."""

import ssl
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final
from uuid import UUID, uuid4

import msgspec
from nats.aio.client import Client

from roadbike.kit.messaging.broker.names import checked_group, checked_topic, topic_of
from roadbike.kit.messaging.broker.nats.api import (
    BATCH_TOO_LARGE,
    REPEATED_IN_BATCH,
    PubAck,
    ack_floor,
    event_ids_at,
    exception_of,
    purge,
    stream_info,
)
from roadbike.kit.messaging.broker.nats.batch import Outgoing, batches, single
from roadbike.kit.messaging.broker.nats.connection import Connection, Connector
from roadbike.kit.messaging.broker.nats.set_up import SetUp, ask_to_start_over
from roadbike.kit.messaging.broker.nats.subscription import NatsSubscription
from roadbike.kit.messaging.broker.port import (
    Broker,
    BrokerUnavailable,
    Mark,
    Message,
    TopicMissing,
)

MAX_BATCH: Final = 1_000  # NATS messages of one atomic batch; the server refuses more
KNOWN_PLACES: Final = 256  # whose events `holds` remembers
# errors of a batch after which its messages are sent one by one
BATCH_REFUSED: Final = frozenset({BATCH_TOO_LARGE, REPEATED_IN_BATCH})
GIBIBYTE: Final = 1 << 30


class NatsBroker(Broker):
    """A connection of one service to a NATS server. Times are in seconds.

    max_bytes: size limit of each topic that it sets up.
    ack_wait: time until an unacknowledged message is delivered to another member of the group, of
    each group that it sets up.
    timeout: for one reply of the server.
    batches: whether several events are sent in one NATS message (see `batch`). Messages with one
    and with several events are read in any case.
    tls: verifies the server; None: no encryption.
    """

    name: Final = "nats"

    def __init__(
        self,
        url: str,
        service: str,
        *,
        max_bytes: int = GIBIBYTE,
        ack_wait: float = 10.0,
        timeout: float = 5.0,
        batches: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connector = Connector(url, service, tls)
        self._timeout, self.batches = timeout, batches
        self._set_up = SetUp(
            self._connector, max_bytes=max_bytes, ack_wait=ack_wait, timeout=timeout
        )
        self._incarnations: dict[str, tuple[Connection, str]] = {}
        self._subscriptions: dict[tuple[str, str], NatsSubscription] = {}
        self._places: dict[tuple[Connection, str, int], frozenset[UUID]] = {}

    @property
    def connected(self) -> bool:
        return self._connector.connected

    @property
    def fault(self) -> str:
        return "" if self.connected else self._connector.fault

    @property
    def refuses(self) -> bool:
        return self._connector.refused

    @property
    def connections(self) -> int:
        return self._connector.connections

    async def set_up(self, topics: Mapping[str, Collection[str]]) -> None:
        await self._set_up.make(topics)

    async def start_over(self, topic: str, lost: Mark) -> None:
        connection = self._connector.connection()
        stream = await stream_info(connection, checked_topic(topic), self._timeout)
        if stream.created == lost.incarnation:
            await ask_to_start_over(connection, topic, self._timeout)

    async def take_over(self) -> None:
        """Do nothing: what two connections send is appended once or twice, each time in order."""

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        if not messages:
            return []
        topic, connection = topic_of(messages), self._connector.connection()
        incarnation = await self._incarnation(connection, topic)
        positions: list[int] = []
        try:
            for some in _some_at_once(batches(messages) if self.batches else map(single, messages)):
                positions += await self._send_some(connection, some)
        except TopicMissing:
            self._incarnations.pop(topic, None)
            raise
        return [Mark(position=position, incarnation=incarnation) for position in positions]

    async def subscribe(self, group: str, topic: str) -> NatsSubscription:
        key = checked_group(group), checked_topic(topic)
        if key not in self._subscriptions:
            self._subscriptions[key] = NatsSubscription(
                self._connector, group, topic, timeout=self._timeout
            )
        await self._subscriptions[key].open(within=0)
        return self._subscriptions[key]

    async def exists(self, topic: str) -> bool:
        connection = self._connector.connection()
        try:
            await stream_info(connection, checked_topic(topic), self._timeout)
        except TopicMissing:
            return False
        return True

    async def holds(self, topic: str, mark: Mark, event_id: UUID) -> bool:
        connection = self._connector.connection()
        stream = await stream_info(connection, checked_topic(topic), self._timeout)
        if stream.created != mark.incarnation:
            return False
        if mark.position < stream.state.first_seq:
            return mark.position <= stream.state.last_seq  # it was trimmed
        return event_id in await self._events_at(connection, topic, mark.position)

    async def trim(self, topic: str, older: Mark | None) -> None:
        connection = self._connector.connection()
        stream = await stream_info(connection, checked_topic(topic), self._timeout)
        if not stream.is_nearly_full():
            return
        floor = await ack_floor(connection, topic, stream.groups, self._timeout)
        known = older is not None and older.incarnation == stream.created
        for last in (min(older.position, floor) if older is not None and known else 0, floor):
            if last >= max(stream.state.first_seq, 1) and stream.is_nearly_full():
                await purge(connection, topic, last, self._timeout)
                stream = await stream_info(connection, topic, self._timeout)

    async def weaknesses(self, topic: str) -> list[str]:
        await stream_info(self._connector.connection(), checked_topic(topic), self._timeout)
        return []  # clients cannot ask how often a server writes to its disk

    async def close(self) -> None:
        for subscription in self._subscriptions.values():
            await subscription.close()
        await self._connector.close()

    async def _incarnation(self, connection: Connection, topic: str) -> str:
        """Return the creation time of the topic's stream.

        It is asked for once per connection, because a server loses its log only by a restart.
        """
        known, created = self._incarnations.get(topic, (None, ""))
        if known is not connection:
            created = (await stream_info(connection, topic, self._timeout)).created
            self._incarnations[topic] = connection, created
        return created

    async def _events_at(
        self, connection: Connection, topic: str, position: int
    ) -> frozenset[UUID]:
        """Return the ids of the events at that position; remember them for this connection.

        A server loses what it has only between two connections.
        """
        place = connection, topic, position
        if place not in self._places:
            if len(self._places) >= KNOWN_PLACES:
                self._places.clear()
            found = await event_ids_at(connection, topic, position, self._timeout)
            if not found:
                return found  # there may be a message later
            self._places[place] = found
        return self._places[place]

    async def _send_some(self, connection: Connection, some: Sequence[Outgoing]) -> list[int]:
        """Return the position of each event."""
        if len(some) == 1:
            return [await self._send_one(connection, some[0])] * some[0].events
        call = _send_atomically(connection.client, some, self._timeout)
        ack = await connection.call(call, self._timeout)
        match ack.error:
            case None if ack.count == len(some):
                first = ack.seq - ack.count + 1
                return [first + n for n, each in enumerate(some) for _ in range(each.events)]
            case None:
                raise BrokerUnavailable(f"{ack.count} of {len(some)} messages were acknowledged")
            case error if error.err_code in BATCH_REFUSED:
                positions: list[int] = []
                for each in some:
                    positions += [await self._send_one(connection, each)] * each.events
                return positions
            case error:
                raise exception_of(error)

    async def _send_one(self, connection: Connection, one: Outgoing) -> int:
        """Return the position of the message, of the first time if it was sent before."""
        msg = await connection.request(one.subject, one.data, self._timeout, one.headers)
        ack = msgspec.json.decode(msg.data, type=PubAck)
        if ack.error is not None:
            raise exception_of(ack.error)
        return ack.seq


async def _send_atomically(client: Client, some: Sequence[Outgoing], within: float) -> PubAck:
    """Send all messages or none, with one write to the server's disk.

    nats-py has no call for atomic batches, so the headers are set here.
    """
    batch, last = uuid4().hex, some[-1]
    for number, each in enumerate(some[:-1], 1):
        headers = each.headers | _batch_headers(batch, number)
        await client.publish(each.subject, each.data, headers=headers)
    headers = last.headers | _batch_headers(batch, len(some)) | {"Nats-Batch-Commit": "1"}
    msg = await client.request(last.subject, last.data, timeout=within, headers=headers)
    return msgspec.json.decode(msg.data, type=PubAck)


def _batch_headers(batch: str, number: int) -> dict[str, str]:
    return {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}


def _some_at_once(outgoing: Iterable[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    remaining = iter(outgoing)
    while some := list(islice(remaining, MAX_BATCH)):
        yield some
