"""Requests to JetStream's API about streams and consumers that exist, and its replies."""

from collections.abc import Collection
from contextlib import suppress
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from roadbike.kit.messaging.broker.nats.batch import BATCH, CONTENT_TYPE, ids_of
from roadbike.kit.messaging.broker.nats.connection import Connection
from roadbike.kit.messaging.broker.nats.envelope import stored_header, stream_of
from roadbike.kit.messaging.broker.port import (
    BrokerUnavailable,
    GroupMissing,
    TopicFull,
    TopicMissing,
)

CONSUMER_MISSING: Final = 10014
STREAM_MISSING: Final = 10059
STORE_FAILED: Final = 10077  # the limit of the stream, or of the server
BATCH_TOO_LARGE: Final = 10199
REPEATED_IN_BATCH: Final = 10201
MESSAGE_MISSING: Final = 10037
NEARLY_FULL: Final = 0.8  # share of the limit at which a topic is trimmed
GROUPS: Final = "groups"  # the key in the metadata of streams
GENERATION: Final = "generation"  # the key in the metadata of consumers


class ApiError(msgspec.Struct, frozen=True, kw_only=True):
    """The error of a reply. code: as of HTTP. err_code: JetStream's own."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class ApiReply(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all replies; `error` is None after success."""

    error: ApiError | None = None


class PubAck(ApiReply, frozen=True, kw_only=True):
    """The reply to sent messages.

    seq: position of the message, in a batch of the last one. count: messages in the batch.
    """

    seq: int = 0
    count: int = 1


class StreamConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The size limit of a stream in bytes, and what the set-up job has noted there."""

    max_bytes: int = -1
    metadata: dict[str, str] = {}


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """The current size of a stream in bytes, and the positions of its messages."""

    bytes: int = 0
    first_seq: int = 0
    last_seq: int = 0


class StreamInfo(ApiReply, frozen=True, kw_only=True):
    """A stream as it is. created: its time of creation, which identifies its incarnation."""

    created: str = ""
    config: StreamConfig = StreamConfig()
    state: StreamState = StreamState()

    @property
    def groups(self) -> frozenset[str]:
        """Return the groups that the topic should have."""
        return frozenset(self.config.metadata.get(GROUPS, "").split())

    def is_nearly_full(self) -> bool:
        """Return whether it is time to delete what is not needed any more."""
        return self.state.bytes >= NEARLY_FULL * self.config.max_bytes > 0


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the stream has it; its headers as one block of lines."""

    hdrs: bytes = b""
    data: bytes = b""


class StoredMessageReply(ApiReply, frozen=True, kw_only=True):
    """The reply to the question for the message at a position."""

    message: StoredMessage = StoredMessage()


class AckFloor(msgspec.Struct, frozen=True, kw_only=True):
    """The position up to which a consumer has acknowledged all messages."""

    stream_seq: int = 0


class ConsumerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen for a consumer. ack_wait: nanoseconds."""

    ack_wait: int = 0
    metadata: dict[str, str] = {}


class ConsumerInfo(ApiReply, frozen=True, kw_only=True):
    """A consumer as it is.

    num_pending: messages not delivered yet. num_ack_pending: delivered, not acknowledged.
    """

    name: str = ""
    config: ConsumerConfig = ConsumerConfig()
    num_pending: int = 0
    num_ack_pending: int = 0
    ack_floor: AckFloor = AckFloor()

    @property
    def unacknowledged(self) -> int:
        """Return the number of messages that are not acknowledged, delivered or not."""
        return self.num_pending + self.num_ack_pending

    @property
    def generation(self) -> str:
        """Return what is different in each consumer that was made under the same name."""
        return self.config.metadata.get(GENERATION, "")


class ConsumerList(ApiReply, frozen=True, kw_only=True):
    """The consumers of a stream: up to 256 of the `total` number."""

    total: int = 0
    consumers: list[ConsumerInfo] = []


R = TypeVar("R", bound=ApiReply)


async def request_api(
    connection: Connection, call: str, body: object, reply: type[R], within: float
) -> R:
    """Return JetStream's reply, which may be an error.

    within: seconds. Raises BrokerUnavailable, TopicMissing, as every function here does.
    """
    payload = msgspec.json.encode(body)
    msg = await connection.request(f"$JS.API.{call}", payload, within)
    return msgspec.json.decode(msg.data, type=reply)


def exception_of(error: ApiError) -> BrokerUnavailable:
    """Return the exception of the port for the server's error."""
    type_ = {
        STREAM_MISSING: TopicMissing,
        CONSUMER_MISSING: GroupMissing,
        STORE_FAILED: TopicFull,
    }.get(error.err_code, BrokerUnavailable)
    return type_(f"{error.description} ({error.err_code})")


async def stream_info(connection: Connection, topic: str, within: float) -> StreamInfo:
    """Return the topic's stream. Raises TopicMissing, BrokerUnavailable."""
    info = await request_api(connection, f"STREAM.INFO.{stream_of(topic)}", {}, StreamInfo, within)
    if info.error is not None:
        raise exception_of(info.error)
    return info


async def consumer_info(
    connection: Connection, topic: str, group: str, within: float
) -> ConsumerInfo:
    """Return the group's consumer. Raises GroupMissing, TopicMissing, BrokerUnavailable."""
    call = f"CONSUMER.INFO.{stream_of(topic)}.{group}"
    info = await request_api(connection, call, {}, ConsumerInfo, within)
    if info.error is not None:
        raise exception_of(info.error)
    return info


async def list_consumers(connection: Connection, topic: str, within: float) -> ConsumerList:
    """Return the groups of the topic, as many as the server lists at once."""
    call = f"CONSUMER.LIST.{stream_of(topic)}"
    listed = await request_api(connection, call, {}, ConsumerList, within)
    if listed.error is not None:
        raise exception_of(listed.error)
    return listed


async def ack_floor(
    connection: Connection, topic: str, groups: Collection[str], within: float
) -> int:
    """Return the position up to which all these groups have acknowledged; 0 without a group.

    It is also 0 when one of them is missing, or not among those that the server lists. Groups that
    the topic should not have do not count.
    """
    listed = await list_consumers(connection, topic, within)
    acknowledged = {consumer.name: consumer.ack_floor.stream_seq for consumer in listed.consumers}
    return min((acknowledged.get(group, 0) for group in groups), default=0)


async def event_ids_at(
    connection: Connection, topic: str, position: int, within: float
) -> frozenset[UUID]:
    """Return the ids of the events that the topic has at that position."""
    call, body = f"STREAM.MSG.GET.{stream_of(topic)}", {"seq": position}
    reply = await request_api(connection, call, body, StoredMessageReply, within)
    if reply.error is not None:
        if reply.error.err_code == MESSAGE_MISSING:
            return frozenset()
        raise exception_of(reply.error)
    stored = reply.message
    if stored_header(stored.hdrs, CONTENT_TYPE) == BATCH:
        return ids_of(stored.data)
    with suppress(ValueError):
        return frozenset({UUID(stored_header(stored.hdrs, "ce-id") or "")})
    return frozenset()


async def purge(connection: Connection, topic: str, up_to: int, within: float) -> None:
    """Delete the stream's messages up to and including that position."""
    call = f"STREAM.PURGE.{stream_of(topic)}"
    reply = await request_api(connection, call, {"seq": up_to + 1}, ApiReply, within)
    if reply.error is not None:
        raise exception_of(reply.error)
