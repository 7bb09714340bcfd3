"""JetStream's answers, and the requests that make streams and consumers."""

from typing import Final, TypeVar

import msgspec

from roadbike.kit.messaging.broker.nats.envelope import NANOSECONDS, stream_of
from roadbike.kit.messaging.broker.nats.link import Life
from roadbike.kit.messaging.broker.port import BrokerUnavailable, TopicFull, TopicMissing

OTHER_CONFIGURATION: Final = 10058
STREAM_MISSING: Final = 10059
STORE_FAILED: Final = 10077  # the limit of the stream, or of the server
BATCH_TOO_LARGE: Final = 10199
REPEATED_IN_BATCH: Final = 10201
IN_FLIGHT: Final = 10_000  # messages of a group that may be unacknowledged at once


class ApiError(msgspec.Struct, frozen=True, kw_only=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class ApiReply(msgspec.Struct, frozen=True, kw_only=True):
    error: ApiError | None = None


class PubAck(ApiReply, frozen=True, kw_only=True):
    """seq: position of the message, of a batch's last one. count: messages in the batch."""

    seq: int = 0
    count: int = 1


class StreamConfig(msgspec.Struct, frozen=True, kw_only=True):
    max_bytes: int = -1


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    bytes: int = 0


class StreamInfo(ApiReply, frozen=True, kw_only=True):
    created: str = ""
    config: StreamConfig = StreamConfig()
    state: StreamState = StreamState()


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """Up to this position everything is acknowledged."""

    stream_seq: int = 0


class ConsumerInfo(ApiReply, frozen=True, kw_only=True):
    """num_pending: not delivered yet. num_ack_pending: delivered, not acknowledged."""

    num_pending: int = 0
    num_ack_pending: int = 0
    ack_floor: Floor = Floor()


class ConsumerList(ApiReply, frozen=True, kw_only=True):
    """total: how many there are; the server names no more than 256 of them at once."""

    total: int = 0
    consumers: list[ConsumerInfo] = []


A = TypeVar("A", bound=ApiReply)


async def asked(life: Life, call: str, body: object, answer: type[A], within: float) -> A:
    """Ask JetStream's API; raises BrokerUnavailable, TopicMissing."""
    payload = msgspec.json.encode(body)
    msg = await life.request(f"$JS.API.{call}", payload, within)
    return msgspec.json.decode(msg.data, type=answer)


def refusal(error: ApiError) -> BrokerUnavailable:
    """The exception for what the server said."""
    kind = {STREAM_MISSING: TopicMissing, STORE_FAILED: TopicFull}.get(
        error.err_code, BrokerUnavailable
    )
    return kind(f"{error.description} ({error.err_code})")


async def stream_info(life: Life, topic: str, within: float) -> StreamInfo:
    """The topic's stream as it is. Raises TopicMissing, BrokerUnavailable."""
    info = await asked(life, f"STREAM.INFO.{stream_of(topic)}", {}, StreamInfo, within)
    if info.error is not None:
        raise refusal(info.error)
    return info


async def make_stream(life: Life, topic: str, max_bytes: int, within: float) -> StreamInfo:
    """Make the topic's stream, or bring the one that is there into this shape."""
    name = stream_of(topic)
    shape = {
        "name": name,
        "subjects": [f"{topic}.>"],
        "storage": "file",
        "retention": "limits",
        "discard": "new",  # the default deletes the oldest silently
        "max_bytes": max_bytes,
        "num_replicas": 1,
        "allow_atomic": True,
    }
    info = await asked(life, f"STREAM.CREATE.{name}", shape, StreamInfo, within)
    if info.error is not None and info.error.err_code == OTHER_CONFIGURATION:
        info = await asked(life, f"STREAM.UPDATE.{name}", shape, StreamInfo, within)
    if info.error is not None:
        raise refusal(info.error)
    return info


async def ack_floor(life: Life, topic: str, within: float) -> int:
    """Up to which position every group has acknowledged; 0 when there is no group."""
    listed = await asked(life, f"CONSUMER.LIST.{stream_of(topic)}", {}, ConsumerList, within)
    if listed.error is not None:
        raise refusal(listed.error)
    if listed.total > len(listed.consumers):
        return 0
    return min((consumer.ack_floor.stream_seq for consumer in listed.consumers), default=0)


async def purge(life: Life, topic: str, up_to: int, within: float) -> None:
    """Delete the stream's messages up to that position, itself included."""
    call = f"STREAM.PURGE.{stream_of(topic)}"
    done = await asked(life, call, {"seq": up_to + 1}, ApiReply, within)
    if done.error is not None:
        raise refusal(done.error)


async def make_consumer(
    life: Life, topic: str, group: str, ack_wait: float, within: float
) -> ConsumerInfo:
    """Make the group's durable consumer, or find it as it is."""
    stream = stream_of(topic)
    shape = {
        "name": group,
        "durable_name": group,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": int(ack_wait * NANOSECONDS),
        "max_ack_pending": IN_FLIGHT,
        "max_deliver": -1,
    }
    body = {"stream_name": stream, "config": shape}
    info = await asked(life, f"CONSUMER.CREATE.{stream}.{group}", body, ConsumerInfo, within)
    if info.error is not None:
        raise refusal(info.error)
    return info
