"""Refused messages: those that must not take effect, now or later.

An event has one publisher, one topic and one key; a message that does not fit them was made by
somebody else, whatever it says. It is logged as an error, counted and acknowledged. It is not
parked, because no retry makes it right and it must not block the true events of its key. Its id
does not count as consumed, so it cannot hide the true event that has that id.

Only the number per topic is stored, because the sender decides how many such messages there are
and how large they are. What each one was is in the log.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import BigInteger, Column, String, Table, func, select

from roadbike.kit import metrics
from roadbike.kit.db import Tx, bulk, metadata
from roadbike.kit.db.columns import UtcTime
from roadbike.kit.messaging.broker import Message
from roadbike.kit.pure.events import Event, RefusedEvent
from roadbike.kit.trace import current_trace_id, trace_id_of

log = structlog.get_logger()

REFUSED_RETENTION: Final = timedelta(days=7)  # of a topic's number, after the last refused message
LOGGED_LENGTH: Final = 100  # characters; the sender decides how long the texts are

REFUSED: Final = Table(
    "refused",
    metadata,
    Column("topic", String(50), primary_key=True),
    Column("total", BigInteger, nullable=False),
    Column("last_at", UtcTime, nullable=False),
)


def _add_to_total(insert: Any) -> Any:
    added = insert.excluded
    values = {"total": REFUSED.c.total + added.total, "last_at": added.last_at}
    return insert.on_conflict_do_update(index_elements=[REFUSED.c.topic], set_=values)


_ADD: Final = bulk.Insert(REFUSED, ["topic", "total", "last_at"], _add_to_total)


def wrong_origin(event: type[Event], message: Message) -> str | None:
    """Return why the message does not come from the only publisher of such events, else None."""
    if message.topic == event.topic and message.source == event.source:
        return None
    return f"only {event.source} publishes such events, on {event.topic}"


def check(event: Event, message: Message) -> None:
    """Check one event of the message: topic, source and key have to fit its type.

    The type is what the event was decoded by. Raises RefusedEvent when they do not fit.
    """
    if reason := wrong_origin(type(event), message):
        raise RefusedEvent(reason)
    key = event.key
    if message.key != key:
        raise RefusedEvent(f"the event is about {key:.{LOGGED_LENGTH}}, not about its key")


def refuse(tx: Tx, message: Message, reason: str) -> None:
    """Count the message and log it as an error, if and only if this transaction commits."""
    _report(
        tx,
        event_id=str(message.event_id),
        topic=message.topic,
        source=message.source[:LOGGED_LENGTH],
        type=message.type[:LOGGED_LENGTH],
        key=message.key[:LOGGED_LENGTH],
        trace=trace_id_of(message.traceparent),
        reason=reason,
    )


def report_contradiction(tx: Tx, event: Event, reason: str) -> None:
    """Count and log that this event showed two services to contradict each other.

    For a use case that must note the event although what it says does not fit: when the events
    come in another order, only the later one shows it.
    """
    _report(
        tx,
        topic=event.topic,
        source=event.source,
        type=event.type_name(),
        key=event.key,
        trace=current_trace_id(),  # at the commit, several events share the transaction
        reason=reason,
    )


async def count(tx: Tx) -> int:
    """Return how many messages were refused; topics without one for REFUSED_RETENTION drop out.

    A message that is delivered again is refused and counted again.
    """
    return int(await tx.scalar(select(func.coalesce(func.sum(REFUSED.c.total), 0))))


async def delete_old(tx: Tx) -> bool:
    """Delete the numbers whose last message is older than REFUSED_RETENTION.

    Return whether more may be left.
    """
    limit = (await tx.now()) - REFUSED_RETENTION
    return await bulk.delete_some(tx, REFUSED, REFUSED.c.last_at < limit)


def _report(tx: Tx, *, topic: str, **details: str | None) -> None:
    tx.at_commit(_count, topic)
    tx.after_commit(partial(_count_and_log, topic, details))


def _count_and_log(topic: str, details: Mapping[str, str | None]) -> None:
    metrics.NOT_CONSUMED.labels("refused").inc()
    log.error("message.refused", topic=topic, **details)


async def _count(tx: Tx, topics: Sequence[str]) -> None:
    now = await tx.now()
    rows = [
        {"topic": topic, "total": total, "last_at": now}
        for topic, total in sorted(Counter(topics).items())
    ]
    await _ADD.execute(tx, rows)
