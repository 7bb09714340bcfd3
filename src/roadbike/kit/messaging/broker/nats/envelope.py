"""The NATS form of messages: one subject per key, CloudEvents attributes as headers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from nats.aio.msg import Msg

from roadbike.kit.messaging.broker.port import Message

OLD_ACK_TOKENS: Final = 9  # newer ack subjects have the domain and the account's hash in front
NANOSECONDS: Final = 1_000_000_000


class AckMetadata(NamedTuple):
    """What the server says about a delivery in the subject for its acknowledgement.

    position: in the stream. deliveries: so far, from 1. stored_seconds: Unix time of storing.
    """

    position: int
    deliveries: int
    stored_seconds: float


def stream_of(topic: str) -> str:
    """Return the name of the topic's stream, in which dots are not allowed."""
    return topic.replace(".", "-")


def subject_of(message: Message) -> str:
    """Return the subject that the message is sent to: one for each key."""
    return f"{message.topic}.{message.key}"


def headers_of(message: Message) -> dict[str, str]:
    """Return the headers: CloudEvents' binary mode for NATS.

    The server recognizes repeated messages by Nats-Msg-Id.
    """
    event_id = str(message.event_id)
    headers = {
        "Nats-Msg-Id": event_id,
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": message.source,
        "ce-type": message.type,
        "ce-subject": message.key,
        "ce-time": message.time.isoformat(),
    }
    if message.traceparent is not None:
        headers["ce-traceparent"] = message.traceparent
    return headers


def ack_metadata(msg: Msg) -> AckMetadata:
    """Return the metadata of the delivered message."""
    tokens = msg.reply.split(".")
    first = 4 if len(tokens) == OLD_ACK_TOKENS else 6
    return AckMetadata(
        deliveries=int(tokens[first]),
        position=int(tokens[first + 1]),
        stored_seconds=int(tokens[first + 3]) / NANOSECONDS,
    )


def message_of(topic: str, msg: Msg) -> Message:
    """Return the message; its type is empty if the envelope is malformed."""
    key = msg.subject[len(topic) + 1 :]
    try:
        return _read(topic, key, msg.headers or {}, msg.data)
    except (KeyError, ValueError):
        metadata = ack_metadata(msg)
        return Message(
            event_id=uuid5(NAMESPACE_URL, f"{topic}/{metadata.position}"),
            type="",
            source="",
            topic=topic,
            key=key,
            time=datetime.fromtimestamp(metadata.stored_seconds, UTC),
            traceparent=None,
            data=msg.data,
        )


def stored_header(headers: bytes, name: str) -> str | None:
    """Return the header from the header block of a stored message; None if it has none."""
    lines = headers.decode(errors="replace").splitlines()
    values = [line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")]
    return values[0] if values else None


def _read(topic: str, key: str, headers: Mapping[str, str], data: bytes) -> Message:
    time = datetime.fromisoformat(headers["ce-time"])
    return Message(
        event_id=UUID(headers["ce-id"]),
        type=headers["ce-type"],
        source=headers["ce-source"],
        topic=topic,
        key=key,
        time=time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC),
        traceparent=headers.get("ce-traceparent"),
        data=data,
    )
