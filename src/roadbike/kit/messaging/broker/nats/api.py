"""Requests to JetStream's API, which create streams and consumers, and its replies."""

from typing import Final, TypeVar

import msgspec

from roadbike.kit.messaging.broker.nats.connection import Connection
from roadbike.kit.messaging.broker.nats.envelope import NANOSECONDS, stream_of
from roadbike.kit.messaging.broker.port import BrokerUnavailable, TopicFull, TopicMissing

OTHER_CONFIGURATION: Final = 10058
STREAM_MISSING: Final = 10059
STORE_FAILED: Final = 10077  # the limit of the stream, or of the server
BATCH_TOO_LARGE: Final = 10199
REPEATED_IN_BATCH: Final = 10201
MAX_IN_FLIGHT: Final = 10_000  # unacknowledged messages of one group


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
    """The size limit of a stream in bytes."""

    max_bytes: int = -1


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """The current size of a stream in bytes."""

    bytes: int = 0


class StreamInfo(ApiReply, frozen=True, kw_only=True):
    """A stream as it is. created: its time of creation, which identifies its incarnation."""

    created: str = ""
    config: StreamConfig = StreamConfig()
    state: StreamState = StreamState()


class AckFloor(msgspec.Struct, frozen=True, kw_only=True):
    """The position up to which a consumer has acknowledged all messages."""

    stream_seq: int = 0


class ConsumerInfo(ApiReply, frozen=True, kw_only=True):
    """A consumer as it is.

    num_pending: messages not delivered yet. num_ack_pending: delivered, not acknowledged.
    """

    num_pending: int = 0
    num_ack_pending: int = 0
    ack_floor: AckFloor = AckFloor()


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
    type_ = {STREAM_MISSING: TopicMissing, STORE_FAILED: TopicFull}.get(
        error.err_code, BrokerUnavailable
    )
    return type_(f"{error.description} ({error.err_code})")


async def stream_info(connection: Connection, topic: str, within: float) -> StreamInfo:
    """Return the topic's stream. Raises TopicMissing, BrokerUnavailable."""
    info = await request_api(connection, f"STREAM.INFO.{stream_of(topic)}", {}, StreamInfo, within)
    if info.error is not None:
        raise exception_of(info.error)
    return info


async def create_stream(
    connection: Connection, topic: str, max_bytes: int, within: float
) -> StreamInfo:
    """Create the topic's stream, or change the existing one to this configuration."""
    name = stream_of(topic)
    config = {
        "name": name,
        "subjects": [f"{topic}.>"],
        "storage": "file",
        "retention": "limits",
        "discard": "new",  # the default silently deletes the oldest messages
        "max_bytes": max_bytes,
        "num_replicas": 1,
        "allow_atomic": True,
    }
    info = await request_api(connection, f"STREAM.CREATE.{name}", config, StreamInfo, within)
    if info.error is not None and info.error.err_code == OTHER_CONFIGURATION:
        info = await request_api(connection, f"STREAM.UPDATE.{name}", config, StreamInfo, within)
    if info.error is not None:
        raise exception_of(info.error)
    return info


async def ack_floor(connection: Connection, topic: str, within: float) -> int:
    """Return the position up to which all groups have acknowledged; 0 without a group.

    It is also 0 when the server does not list all of them.
    """
    listed = await request_api(
        connection, f"CONSUMER.LIST.{stream_of(topic)}", {}, ConsumerList, within
    )
    if listed.error is not None:
        raise exception_of(listed.error)
    if listed.total > len(listed.consumers):
        return 0  # the groups that are not listed may have acknowledged less
    return min((consumer.ack_floor.stream_seq for consumer in listed.consumers), default=0)


async def purge(connection: Connection, topic: str, up_to: int, within: float) -> None:
    """Delete the stream's messages up to and including that position."""
    call = f"STREAM.PURGE.{stream_of(topic)}"
    reply = await request_api(connection, call, {"seq": up_to + 1}, ApiReply, within)
    if reply.error is not None:
        raise exception_of(reply.error)


async def create_consumer(
    connection: Connection, topic: str, group: str, ack_wait: float, within: float
) -> ConsumerInfo:
    """Create the group's durable consumer unless it exists.

    ack_wait: seconds until an unacknowledged message is delivered again.
    """
    stream = stream_of(topic)
    config = {
        "name": group,
        "durable_name": group,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": int(ack_wait * NANOSECONDS),
        "max_ack_pending": MAX_IN_FLIGHT,
        "max_deliver": -1,
    }
    body = {"stream_name": stream, "config": config}
    info = await request_api(
        connection, f"CONSUMER.CREATE.{stream}.{group}", body, ConsumerInfo, within
    )
    if info.error is not None:
        raise exception_of(info.error)
    return info
