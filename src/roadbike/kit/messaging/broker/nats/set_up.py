"""What the set-up job does on NATS: it makes streams and consumers, and new generations of them."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import uuid4

import structlog
from nats.aio.msg import Msg

from roadbike.kit.messaging.broker.names import checked_group, checked_topic
from roadbike.kit.messaging.broker.nats.api import (
    GENERATION,
    GROUPS,
    ApiReply,
    ConsumerInfo,
    StreamInfo,
    exception_of,
    list_consumers,
    request_api,
)
from roadbike.kit.messaging.broker.nats.connection import Connection, Connector
from roadbike.kit.messaging.broker.nats.envelope import NANOSECONDS, stream_of
from roadbike.kit.messaging.broker.nats.permissions import START_OVER
from roadbike.kit.messaging.broker.port import BrokerUnavailable, GroupMissing, TopicMissing

log = structlog.get_logger()

OTHER_CONFIGURATION: Final = 10058
MAX_IN_FLIGHT: Final = 10_000  # unacknowledged messages of one group
DONE: Final = b"+OK"


class SetUp:
    """Makes topics and groups for all services, and starts groups over when a service asks.

    max_bytes: of each topic. ack_wait: seconds until an unacknowledged message is delivered again.
    timeout: seconds, for one reply of the server.
    """

    def __init__(
        self, connector: Connector, *, max_bytes: int, ack_wait: float, timeout: float
    ) -> None:
        self._connector = connector
        self._max_bytes, self._timeout = max_bytes, timeout
        self._ack_wait = int(ack_wait * NANOSECONDS)
        self._topics: Mapping[str, Collection[str]] = {}
        self._served: Connection | None = None

    async def make(self, topics: Mapping[str, Collection[str]]) -> None:
        """Make what is missing or configured otherwise. Raises BrokerUnavailable, ValueError."""
        self._topics = {
            checked_topic(topic): [checked_group(group) for group in groups]
            for topic, groups in topics.items()
        }
        connection = self._connector.connection()
        for topic in self._topics:
            await self._make_topic(connection, topic)
        if self._served is not connection:
            subscribing = connection.client.subscribe(f"{START_OVER}.*", cb=self._serve)
            await connection.call(subscribing, self._timeout)
            self._served = connection

    async def _make_topic(self, connection: Connection, topic: str) -> None:
        await self._make_stream(connection, topic)
        listed = await list_consumers(connection, topic, self._timeout)
        existing = {consumer.name: consumer for consumer in listed.consumers}
        for group in self._topics[topic]:
            if (found := existing.get(group)) is None:
                await self._make_consumer(connection, topic, group, uuid4().hex)
            elif found.config.ack_wait != self._ack_wait:
                await self._make_consumer(connection, topic, group, found.generation)

    async def _make_stream(self, connection: Connection, topic: str) -> None:
        name = stream_of(topic)
        config = {
            "name": name,
            "subjects": [f"{topic}.>"],
            "storage": "file",
            "retention": "limits",
            "discard": "new",  # the default silently deletes the oldest messages
            "max_bytes": self._max_bytes,
            "num_replicas": 1,
            "allow_atomic": True,
            "metadata": {GROUPS: " ".join(sorted(self._topics[topic]))},
        }
        call = f"STREAM.CREATE.{name}"
        info = await request_api(connection, call, config, StreamInfo, self._timeout)
        if info.error is not None and info.error.err_code == OTHER_CONFIGURATION:
            call = f"STREAM.UPDATE.{name}"
            info = await request_api(connection, call, config, StreamInfo, self._timeout)
        if info.error is not None:
            raise exception_of(info.error)

    async def _make_consumer(
        self, connection: Connection, topic: str, group: str, generation: str
    ) -> None:
        stream = stream_of(topic)
        config = {
            "name": group,
            "durable_name": group,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": self._ack_wait,
            "max_ack_pending": MAX_IN_FLIGHT,
            "max_deliver": -1,
            "metadata": {GENERATION: generation},
        }
        body = {"stream_name": stream, "config": config}
        call = f"CONSUMER.CREATE.{stream}.{group}"
        info = await request_api(connection, call, body, ConsumerInfo, self._timeout)
        if info.error is not None:
            raise exception_of(info.error)
        log.info("group.made", topic=topic, group=group, generation=generation)

    async def _replace(self, connection: Connection, topic: str, group: str) -> None:
        """Make the group a new one. If this ends in between, `make` finds that it is missing."""
        call = f"CONSUMER.DELETE.{stream_of(topic)}.{group}"
        reply = await request_api(connection, call, {}, ApiReply, self._timeout)
        if reply.error is not None and not isinstance(exception_of(reply.error), GroupMissing):
            raise exception_of(reply.error)
        await self._make_consumer(connection, topic, group, uuid4().hex)

    async def _serve(self, msg: Msg) -> None:
        """Carry out one request of `start_over`; without success it gets no answer."""
        topic = next((t for t in self._topics if msg.subject == start_over_of(t)), None)
        if topic is None or self._served is None:
            return
        log.warning("topic.starts_over", topic=topic)
        try:
            for group in self._topics[topic]:
                await self._replace(self._served, topic, group)
            await self._served.call(msg.respond(DONE), self._timeout)
        except BrokerUnavailable as error:
            log.warning("topic.not_started_over", topic=topic, reason=str(error))


def start_over_of(topic: str) -> str:
    """Return the subject on which the topic's publisher asks for a new generation."""
    return f"{START_OVER}.{stream_of(topic)}"


async def ask_to_start_over(connection: Connection, topic: str, within: float) -> None:
    """Wait until the set-up job has started all groups of the topic over."""
    try:
        await connection.request(start_over_of(topic), b"", within)
    except TopicMissing:
        raise BrokerUnavailable("no set-up job is running") from None
