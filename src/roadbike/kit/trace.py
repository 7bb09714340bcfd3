"""Which trace the running work belongs to (W3C traceparent)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_hex
from typing import Final

SHAPE: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
ZERO_TRACE: Final = "0" * 32
ZERO_SPAN: Final = "0" * 16

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def new_traceparent() -> str:
    """Start a trace: version 00, random ids, sampled."""
    return f"00-{token_hex(16)}-{token_hex(8)}-01"


def continued(traceparent: str | None) -> str:
    """Return a new span of the given trace; a new trace when it is missing or malformed."""
    shape = SHAPE.fullmatch(traceparent) if traceparent else None
    if shape is None:
        return new_traceparent()
    version, trace, span, flags = shape.groups()
    if version == "ff" or trace == ZERO_TRACE or span == ZERO_SPAN:
        return new_traceparent()
    return f"00-{trace}-{token_hex(8)}-{flags}"


def current_traceparent() -> str | None:
    """Return the traceparent of the running request or message; None outside of both."""
    return _current.get()


def current_trace_id() -> str | None:
    """Return the 32 hex digits of the running trace; None outside of one."""
    traceparent = _current.get()
    return traceparent.split("-")[1] if traceparent else None


@contextmanager
def tracing(traceparent: str | None) -> Iterator[str]:
    """Work inside the given trace (a new one when there is none); yields the own traceparent."""
    own = continued(traceparent)
    token = _current.set(own)
    try:
        yield own
    finally:
        _current.reset(token)
