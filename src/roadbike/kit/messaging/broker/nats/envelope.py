"""Messages as NATS carries them: a subject per key, CloudEvents attributes as headers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from nats.aio.msg import Msg

from roadbike.kit.messaging.broker.port import Message

TOKENS_OF_AN_OLD_ACK: Final = 9  # newer ones have the domain and the account's hash in front
NANOSECONDS: Final = 1_000_000_000


def stream_of(topic: str) -> str:
    """The name of the topic's stream: names of streams hold no dots."""
    return topic.replace(".", "-")


def subject_of(message: Message) -> str:
    """Where it is published: one subject per key."""
    return f"{message.topic}.{message.key}"


def headers_of(message: Message) -> dict[str, str]:
    """CloudEvents' binary mode for NATS; Nats-Msg-Id is what the server finds repeats by."""
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


def delivery_of(msg: Msg) -> tuple[int, int, float]:
    """Position, number of deliveries and time of storing (seconds), from where its ack goes to."""
    tokens = msg.reply.split(".")
    at = 4 if len(tokens) == TOKENS_OF_AN_OLD_ACK else 6
    return int(tokens[at + 1]), int(tokens[at]), int(tokens[at + 3]) / NANOSECONDS


def message_of(topic: str, msg: Msg) -> Message:
    """The message; with an empty type if its envelope cannot be read."""
    key = msg.subject[len(topic) + 1 :]
    try:
        return _read(topic, key, msg.headers or {}, msg.data)
    except (KeyError, ValueError):
        position, _, stored = delivery_of(msg)
        return Message(
            event_id=uuid5(NAMESPACE_URL, f"{topic}/{position}"),
            type="",
            source="",
            topic=topic,
            key=key,
            time=datetime.fromtimestamp(stored, UTC),
            traceparent=None,
            data=msg.data,
        )


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
