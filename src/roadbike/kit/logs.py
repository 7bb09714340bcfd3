"""Logs: one line for each event, on standard error: JSON, or readable on a terminal."""

import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from roadbike.kit.trace import current_trace_id

LINE_ENDS: Final = {
    character.encode(): f"\\u{ord(character):04x}".encode()
    for character in ("\x85", "\u2028", "\u2029")
}
SELDOM: Final = {"seldom": True}  # `log.warning("…", reason=…, **SELDOM)`: see `Repeats`
REPEAT_SECONDS: Final = 60.0
VARIES: Final = {"timestamp", "trace"}  # between lines that repeat each other
REMEMBERED: Final = 1_000  # different lines
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Repeats:
    """Drops lines that repeat what was logged less than a minute ago.

    It concerns the lines that are logged with SELDOM: what is tried again and again fails many
    times a second with the same words. The next line has their number in `repeated`.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._logged: dict[str, tuple[float, int]] = {}  # by line: when, and repeats since then

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Raise DropEvent for a repeated line."""
        if not event.pop("seldom", False):
            return event
        line = repr(sorted(item for item in event.items() if item[0] not in VARIES))
        now = self._now()
        logged_at, repeated = self._logged.get(line, (-inf, 0))
        if now - logged_at < REPEAT_SECONDS:
            self._logged[line] = logged_at, repeated + 1
            raise structlog.DropEvent
        if len(self._logged) >= REMEMBERED:
            self._logged.clear()
        self._logged[line] = now, 0
        if repeated:
            event["repeated"] = repeated
        return event


def configure(service: str, level: str) -> None:
    """Set up the logs of this process; call it once, when the service starts.

    service: added to each line. level: debug, info, warning or error. A line that has a `trace`
    of its own keeps it, others get that of the running request or message.
    """

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        if "trace" not in event and (trace := current_trace_id()) is not None:
            event["trace"] = trace
        return event

    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
    ]
    is_terminal = sys.stderr.isatty()
    if not is_terminal:  # there, the renderer shows tracebacks itself
        processors.append(structlog.processors.format_exc_info)
    render: Processor = structlog.dev.ConsoleRenderer() if is_terminal else _as_json
    structlog.configure(
        processors=[*processors, Repeats(), render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    _configure_libraries([*processors, structlog.stdlib.add_logger_name], render)


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return the event as JSON in one line, also for programs that end lines as Unicode does."""
    try:
        line = msgspec.json.encode(event, enc_hook=repr)
    except (TypeError, ValueError, OverflowError):  # half a surrogate pair, a number too large
        return json.dumps(event, default=repr)
    if not line.isascii():
        for end, escaped in LINE_ENDS.items():
            line = line.replace(end, escaped)
    return line.decode()


def _configure_libraries(processors: Sequence[Processor], render: Processor) -> None:
    """Log what libraries log, and Python's warnings, in the same form."""
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[libraries], force=True)
    logging.captureWarnings(capture=True)
