"""What is logged and counted of events: one line for each batch that is sent or consumed.

They have ids only, never an event's data.
"""

import collections
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from prometheus_client import Counter

from roadbike.kit import metrics
from roadbike.kit.messaging.broker import Message
from roadbike.kit.trace import trace_id_of

NO_TRACE: Final = ""

log = structlog.get_logger()


def report_sent(messages: Sequence[Message]) -> None:
    """Log and count events that the broker has."""
    _report("events.sent", metrics.SENT, messages)


def report_consumed(messages: Sequence[Message]) -> None:
    """Log and count events that took effect, and how old they were then."""
    _report("events.consumed", metrics.CONSUMED, messages)
    if messages:
        oldest = min(message.time for message in messages)
        metrics.DELAY.observe(max(0.0, (datetime.now(UTC) - oldest).total_seconds()))


def _report(event: str, total: Counter, messages: Sequence[Message]) -> None:
    """Log the batch as one line, if there is anything in it.

    types: how many events of each type. keys, traces: the key (of a purchase, its reserveId) and
    the trace id of each event, in the same order; the latter is empty for an event without one.
    """
    if not messages:
        return
    types = collections.Counter([message.type for message in messages])
    for type_, number in types.items():
        metrics.count_events(total, type_, number)
    log.info(
        event,
        count=len(messages),
        types=types,
        keys=[message.key for message in messages],
        traces=[trace_id_of(message.traceparent) or NO_TRACE for message in messages],
    )


def about(message: Message) -> dict[str, Any]:
    """Return the members of a log line about one message."""
    return {
        "type": message.type,
        "key": message.key,
        "event_id": str(message.event_id),
        "trace": trace_id_of(message.traceparent),
    }
