"""Several events in one NATS message: a CloudEvents batch, whose events share one position.

What a message costs the server and its readers does not depend on what is in it. The form is
CloudEvents' JSON batch; an event that is alone is sent as before (see `envelope`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from roadbike.kit.messaging.broker.names import NAME
from roadbike.kit.messaging.broker.nats.envelope import headers_of, subject_of
from roadbike.kit.messaging.broker.port import Message

CONTENT_TYPE: Final = "Content-Type"
BATCH: Final = "application/cloudevents-batch+json"
SUBJECT: Final = "batch"  # in place of a key
LARGEST: Final = 512 * 1024  # bytes of a batch; the server takes 1 MiB
MAX_EVENTS: Final = 200  # of a batch that is sent: what a reader fetches at once
MAX_READ: Final = 1_000  # of a batch that is read; more is a malformed message
ID_BYTES: Final = 16
ENVELOPE_BYTES: Final = 500  # of one event, beside its data


class Outgoing(NamedTuple):
    """One NATS message, and how many events it has."""

    subject: str
    data: bytes
    headers: dict[str, str]
    events: int = 1


NO_DATA: Final = msgspec.Raw()


class BatchedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a batch, in CloudEvents' JSON format.

    data: what is JSON; data_base64: any other data.
    """

    specversion: str = ""
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    traceparent: str | None = None
    data: msgspec.Raw = NO_DATA
    data_base64: bytes | None = None


class _OnlyId(msgspec.Struct):
    id: UUID


_EVENTS: Final = msgspec.json.Decoder(list[BatchedEvent])
_EVENT: Final = msgspec.json.Decoder(BatchedEvent)
_PARTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_IDS: Final = msgspec.json.Decoder(list[_OnlyId])
_ENCODER: Final = msgspec.json.Encoder()
_ANY_JSON: Final = msgspec.json.Decoder(msgspec.Raw)


def single(message: Message) -> Outgoing:
    """Return the NATS message that has only this event."""
    return Outgoing(subject_of(message), message.data, headers_of(message))


def batches(messages: Sequence[Message]) -> Iterator[Outgoing]:
    """Put messages of one topic, in their order, into as few NATS messages as their size allows."""
    some: list[Message] = []
    size = 0
    for message in messages:
        more = len(message.data) + ENVELOPE_BYTES
        if some and (len(some) == MAX_EVENTS or size + more > LARGEST):
            yield _outgoing(some)
            some, size = [], 0
        some.append(message)
        size += more
    if some:
        yield _outgoing(some)


def _outgoing(messages: Sequence[Message]) -> Outgoing:
    if len(messages) == 1:
        return single(messages[0])
    # the server recognizes a batch that is sent again with the same events
    ids = blake2b(b"".join(message.event_id.bytes for message in messages), digest_size=ID_BYTES)
    headers = {"Nats-Msg-Id": ids.hexdigest(), CONTENT_TYPE: BATCH}
    data = _ENCODER.encode([_batched(message) for message in messages])
    return Outgoing(f"{messages[0].topic}.{SUBJECT}", data, headers, len(messages))


def _batched(message: Message) -> BatchedEvent:
    is_json = _is_json(message.data)
    return BatchedEvent(
        specversion="1.0",
        id=message.event_id,
        source=message.source,
        type=message.type,
        subject=message.key,
        time=message.time,
        traceparent=message.traceparent,
        data=msgspec.Raw(message.data) if is_json else NO_DATA,
        data_base64=None if is_json else message.data,
    )


def _is_json(data: bytes) -> bool:
    try:
        _ANY_JSON.decode(data)
    except msgspec.DecodeError:
        return False
    return not data[:1].isspace() and not data[-1:].isspace()  # those would not be kept


def messages_of(topic: str, position: int, stored: datetime, data: bytes) -> list[Message]:
    """Return the messages of a batch; one that cannot be read has an empty type.

    stored: when the server stored the batch. A batch that cannot be read at all, or has more than
    MAX_READ events, is one such message.
    """
    try:
        events: Iterable[BatchedEvent | msgspec.Raw] = _EVENTS.decode(data)
    except (msgspec.DecodeError, ValueError):
        events = _parts(data)
    numbered = list(enumerate(events))
    if not 0 < len(numbered) <= MAX_READ:
        numbered = [(0, msgspec.Raw(data))]
    return [
        _message(topic, event) or _malformed(topic, f"{topic}/{position}/{number}", stored, event)
        for number, event in numbered
    ]


def ids_of(data: bytes) -> frozenset[UUID]:
    """Return the ids of the events of a batch; none if it cannot be read."""
    try:
        return frozenset(event.id for event in _IDS.decode(data))
    except (msgspec.DecodeError, ValueError):
        return frozenset()


def _parts(data: bytes) -> list[msgspec.Raw]:
    try:
        return _PARTS.decode(data)
    except (msgspec.DecodeError, ValueError):
        return []


def _message(topic: str, event: BatchedEvent | msgspec.Raw) -> Message | None:
    """Return the message of the event; None if its envelope is malformed."""
    if isinstance(event, msgspec.Raw):
        try:
            event = _EVENT.decode(event)
        except (msgspec.DecodeError, ValueError):
            return None
    texts = f"{event.type}{event.source}{event.traceparent}"
    if not NAME.fullmatch(event.subject) or not texts.isprintable():
        return None
    return Message(
        event_id=event.id,
        type=event.type,
        source=event.source,
        topic=topic,
        key=event.subject,
        time=event.time if event.time.tzinfo is UTC else _in_utc(event.time),
        traceparent=event.traceparent,
        data=bytes(event.data) or event.data_base64 or b"",
    )


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _malformed(
    topic: str, place: str, stored: datetime, event: BatchedEvent | msgspec.Raw
) -> Message:
    return Message(
        event_id=uuid5(NAMESPACE_URL, place),
        type="",
        source="",
        topic=topic,
        key=SUBJECT,
        time=stored,
        traceparent=None,
        data=bytes(event) if isinstance(event, msgspec.Raw) else _ENCODER.encode(event),
    )
