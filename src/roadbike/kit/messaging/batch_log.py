"""Log lines about events: one for each batch that is sent or consumed.

They have ids only, never an event's data.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import structlog

from roadbike.kit.messaging.broker import Message
from roadbike.kit.trace import trace_id_of

NO_TRACE: Final = ""

log = structlog.get_logger()


def log_batch(event: str, messages: Sequence[Message]) -> None:
    """Log the batch as one line, if there is anything in it.

    types: how many events of each type. keys, traces: the key (of a purchase, its reserveId) and
    the trace id of each event, in the same order; the latter is empty for an event without one.
    """
    if not messages:
        return
    log.info(
        event,
        count=len(messages),
        types=Counter([message.type for message in messages]),
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
