"""Logs: one JSON line for each event, on standard error."""

import json
import logging
import sys
from collections.abc import Sequence
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from roadbike.kit.trace import current_trace_id

LINE_ENDS: Final = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


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
    as_json = structlog.processors.JSONRenderer(serializer=_one_line, ensure_ascii=False)
    structlog.configure(
        processors=[*processors, as_json],
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
