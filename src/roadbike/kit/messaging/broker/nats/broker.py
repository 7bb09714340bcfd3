"""The broker port on NATS JetStream: atomic batches out, pull consumers in."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final
from uuid import uuid4

import msgspec
from nats.aio.client import Client

from roadbike.kit.messaging.broker.nats.api import (
    BATCH_TOO_LARGE,
    REPEATED_IN_BATCH,
    PubAck,
    ack_floor,
    make_stream,
    purge,
    refusal,
    stream_info,
)
from roadbike.kit.messaging.broker.nats.envelope import headers_of, subject_of
from roadbike.kit.messaging.broker.nats.link import Life, Link
from roadbike.kit.messaging.broker.nats.subscription import NatsSubscription
from roadbike.kit.messaging.broker.port import (
    Broker,
    BrokerUnavailable,
    Mark,
    Message,
    TopicMissing,
    checked_group,
    checked_topic,
    one_topic,
)

BATCH: Final = 1_000  # messages; the server refuses more
SINGLY: Final = frozenset({BATCH_TOO_LARGE, REPEATED_IN_BATCH})
GIBIBYTE: Final = 1 << 30
NEARLY_FULL: Final = 0.8


class NatsBroker(Broker):
    """max_bytes: of each topic that it declares. Times in seconds.

    ack_wait: how long a group may keep a message before it is given to another member.
    patience: how long the server may take to answer.
    """

    name: Final = "nats"

    def __init__(
        self,
        url: str,
        service: str,
        *,
        max_bytes: int = GIBIBYTE,
        ack_wait: float = 10.0,
        patience: float = 5.0,
    ) -> None:
        self._link = Link(url, service)
        self._max_bytes, self._ack_wait, self._patience = max_bytes, ack_wait, patience
        self._declared: set[str] = set()
        self._incarnations: dict[str, tuple[Life, str]] = {}
        self._subscriptions: dict[tuple[str, str], NatsSubscription] = {}

    @property
    def connected(self) -> bool:
        return self._link.connected

    async def declare(self, topic: str) -> None:
        self._declared.add(checked_topic(topic))
        self._incarnations.pop(topic, None)
        await self._incarnation(self._link.life(), topic)

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        if not messages:
            return []
        topic, life = one_topic(messages), self._link.life()
        incarnation = await self._incarnation(life, topic)
        try:
            at = [p for some in _parts(messages) for p in await self._publish(life, some)]
        except TopicMissing:
            self._incarnations.pop(topic, None)
            raise
        return [Mark(position=position, incarnation=incarnation) for position in at]

    async def subscribe(self, group: str, topic: str) -> NatsSubscription:
        key = checked_group(group), checked_topic(topic)
        if key not in self._subscriptions:
            self._subscriptions[key] = NatsSubscription(
                self._link, group, topic, ack_wait=self._ack_wait, patience=self._patience
            )
        await self._subscriptions[key].open(within=0)
        return self._subscriptions[key]

    async def trim(self, topic: str, up_to: Mark) -> None:
        life = self._link.life()
        stream = await stream_info(life, checked_topic(topic), self._patience)
        if stream.created != up_to.incarnation:
            return  # its positions mean other messages by now
        if stream.state.bytes >= NEARLY_FULL * stream.config.max_bytes:
            last = min(up_to.position, await ack_floor(life, topic, self._patience))
            if last > 0:
                await purge(life, topic, last, self._patience)

    async def close(self) -> None:
        for subscription in self._subscriptions.values():
            await subscription.close()
        await self._link.close()

    async def _incarnation(self, life: Life, topic: str) -> str:
        """When the topic's log was begun. Asked once a connection: a lost log needs a restart."""
        known, begun = self._incarnations.get(topic, (None, ""))
        if known is not life:
            if topic in self._declared:
                begun = (await make_stream(life, topic, self._max_bytes, self._patience)).created
            else:
                begun = (await stream_info(life, topic, self._patience)).created
            self._incarnations[topic] = life, begun
        return begun

    async def _publish(self, life: Life, messages: Sequence[Message]) -> list[int]:
        if len(messages) == 1:
            return [await self._publish_one(life, messages[0])]
        call = _publish_atomically(life.client, messages, self._patience)
        ack = await life.call(call, self._patience)
        match ack.error:
            case None if ack.count == len(messages):
                return list(range(ack.seq - ack.count + 1, ack.seq + 1))
            case None:
                raise BrokerUnavailable(
                    f"{ack.count} of {len(messages)} messages were acknowledged"
                )
            case error if error.err_code in SINGLY:
                return [await self._publish_one(life, message) for message in messages]
            case error:
                raise refusal(error)

    async def _publish_one(self, life: Life, message: Message) -> int:
        """Its position, or that of its first time: the server says so, and that is a success."""
        msg = await life.request(
            subject_of(message), message.data, self._patience, headers_of(message)
        )
        ack = msgspec.json.decode(msg.data, type=PubAck)
        if ack.error is not None:
            raise refusal(ack.error)
        return ack.seq


async def _publish_atomically(
    client: Client, messages: Sequence[Message], patience: float
) -> PubAck:
    """All or none of them, with one write to the server's disk; nats-py has no call for it."""
    batch, last = uuid4().hex, len(messages)
    for number, message in enumerate(messages[:-1], 1):
        headers = headers_of(message) | _place(batch, number)
        await client.publish(subject_of(message), message.data, headers=headers)
    headers = headers_of(messages[-1]) | _place(batch, last) | {"Nats-Batch-Commit": "1"}
    msg = await client.request(
        subject_of(messages[-1]), messages[-1].data, timeout=patience, headers=headers
    )
    return msgspec.json.decode(msg.data, type=PubAck)


def _place(batch: str, number: int) -> dict[str, str]:
    return {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}


def _parts(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    rest = iter(messages)
    while some := list(islice(rest, BATCH)):
        yield some
