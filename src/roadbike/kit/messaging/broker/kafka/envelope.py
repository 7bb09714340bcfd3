"""The Kafka form of messages: CloudEvents attributes as headers, the key as the record's key."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from aiokafka.structs import ConsumerRecord

from roadbike.kit.messaging.broker.port import Message


def headers_of(message: Message) -> list[tuple[str, bytes]]:
    """Return the headers: CloudEvents' binary mode for Kafka."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(message.event_id),
        "ce_source": message.source,
        "ce_type": message.type,
        "ce_subject": message.key,
        "ce_time": message.time.isoformat(),
        "content-type": "application/json",
    }
    if message.traceparent is not None:
        headers["ce_traceparent"] = message.traceparent
    return [(name, value.encode()) for name, value in headers.items()]


def message_of(record: ConsumerRecord) -> Message:
    """Return the message; its type is empty if the envelope is malformed."""
    try:
        return _read(record, {name: value.decode() for name, value in record.headers})
    except (AttributeError, KeyError, ValueError):
        place = f"{record.topic}/{record.partition}/{record.offset}"
        return Message(
            event_id=uuid5(NAMESPACE_URL, place),
            type="",
            source="",
            topic=record.topic,
            key=(record.key or b"").decode(errors="replace"),
            time=datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC),
            traceparent=None,
            data=record.value or b"",
        )


def _read(record: ConsumerRecord, headers: Mapping[str, str]) -> Message:
    time = datetime.fromisoformat(headers["ce_time"])
    return Message(
        event_id=UUID(headers["ce_id"]),
        type=headers["ce_type"],
        source=headers["ce_source"],
        topic=record.topic,
        key=record.key.decode(),
        time=time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC),
        traceparent=headers.get("ce_traceparent"),
        data=record.value or b"",
    )
