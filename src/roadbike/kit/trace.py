"""The trace that the current request or message belongs to (W3C Trace Context)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_hex
from typing import Final

TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
ZERO_TRACE: Final = "0" * 32
ZERO_SPAN: Final = "0" * 16

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def new_traceparent() -> str:
    """Return the traceparent of a new trace: version 00, random ids, sampled."""
    return f"00-{token_hex(16)}-{token_hex(8)}-01"


def continue_trace(traceparent: str | None) -> str:
    """Return a new span of the trace, or a new trace when `traceparent` is missing or malformed."""
    match = TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None:
        return new_traceparent()
    version, trace, span, flags = match.groups()
    if version == "ff" or trace == ZERO_TRACE or span == ZERO_SPAN:
        return new_traceparent()
    return f"00-{trace}-{token_hex(8)}-{flags}"


def current_traceparent() -> str | None:
    """Return the traceparent of the current request or message, None outside of both."""
    return _current.get()


def current_trace_id() -> str | None:
    """Return the id of the current trace (32 hex digits), None outside of one."""
    traceparent = _current.get()
    return traceparent[3:35] if traceparent else None  # it is well-formed: we have made it


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the trace id (32 hex digits) of a well-formed traceparent, None for another text."""
    return traceparent[3:35] if traceparent and TRACEPARENT.fullmatch(traceparent) else None


@contextmanager
def tracing(traceparent: str | None) -> Iterator[str]:
    """Run the block in a new span of the trace (see `continue_trace`); yield its traceparent."""
    own = continue_trace(traceparent)
    token = _current.set(own)
    try:
        yield own
    finally:
        _current.reset(token)
