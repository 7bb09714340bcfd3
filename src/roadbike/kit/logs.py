"""Logs: one JSON line for each event, on standard error."""

import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from roadbike.kit.trace import current_trace_id

LINE_ENDS: Final = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
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

    service: added to each line. level: debug, info, warning or error.
    """

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        if (trace := current_trace_id()) is not None:
            event["trace"] = trace
        return event

    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
        structlog.processors.format_exc_info,
    ]
    repeats = Repeats()
    as_json = structlog.processors.JSONRenderer(serializer=_one_line, ensure_ascii=False)
    structlog.configure(
        processors=[*processors, repeats, as_json],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    _configure_libraries([*processors, structlog.stdlib.add_logger_name], as_json)


def _one_line(event: object, **options: Any) -> str:
    """Return the event as JSON in one line, also for programs that end lines as Unicode does."""
    return json.dumps(event, **options).translate(LINE_ENDS)


def _configure_libraries(processors: Sequence[Processor], as_json: Processor) -> None:
    """Log what libraries log, and Python's warnings, in the same form."""
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, as_json],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[libraries], force=True)
    logging.captureWarnings(capture=True)
