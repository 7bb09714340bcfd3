"""Each log event is one JSON line on standard error with its service and trace."""

import json
import subprocess
import sys
from contextlib import suppress

import pytest
import structlog

from roadbike.kit.logs import REPEAT_SECONDS, SELDOM, Repeats

SCRIPT = """
import logging
import warnings
import structlog
from roadbike.kit import logs
from roadbike.kit.process.secret import Secret
from roadbike.kit.trace import tracing

log = structlog.get_logger()
logs.configure("stock", "{level}")
log.debug("quiet")
note = "a\\r\\n{{}}\\x1b[2J\\u2028"
log.info("bike.added", bike_id=1, name="로드", note=note, secret=Secret("correct-horse"))
with tracing("00-{trace}-00f067aa0ba902b7-01"):
    try:
        raise LookupError("gone")
    except LookupError:
        log.exception("bike.lost")
    library = logging.getLogger("some.library")
    library.info("quiet")
    library.warning("not %s", "well")
    try:
        raise LookupError("gone")
    except LookupError:
        library.exception("worse")
    warnings.warn("old", DeprecationWarning, stacklevel=1)
print("out")
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> list[dict[str, object]]:
    script = SCRIPT.format(level=getattr(request, "param", "info"), trace=TRACE)
    done = subprocess.run(  # noqa: S603  our own script
        [sys.executable, "-W", "always", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "out\n"
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_an_event_is_one_line_with_level_service_and_time(lines: list[dict[str, object]]) -> None:
    added = lines[0]

    assert (added["event"], added["level"], added["service"]) == ("bike.added", "info", "stock")
    assert (added["bike_id"], added["name"]) == (1, "로드")
    assert str(added["timestamp"]).endswith("Z")
    assert "trace" not in added


def test_a_value_cannot_begin_a_line_of_its_own(lines: list[dict[str, object]]) -> None:
    assert lines[0]["note"] == "a\r\n{}\x1b[2J\u2028"


def test_a_failure_carries_its_traceback_and_its_trace(lines: list[dict[str, object]]) -> None:
    lost = lines[1]

    assert (lost["event"], lost["level"], lost["trace"]) == ("bike.lost", "error", TRACE)
    assert "LookupError: gone" in str(lost["exception"])


def test_what_a_library_logs_is_a_json_line_too(lines: list[dict[str, object]]) -> None:
    warned, failed, deprecated = lines[2:]

    assert (warned["event"], warned["level"]) == ("not well", "warning")
    assert (warned["logger"], warned["service"]) == ("some.library", "stock")
    assert warned["trace"] == TRACE
    assert (failed["event"], failed["level"]) == ("worse", "error")
    assert "LookupError: gone" in str(failed["exception"])
    assert "DeprecationWarning: old" in str(deprecated["event"])


def test_a_secret_is_not_logged(lines: list[dict[str, object]]) -> None:
    assert lines[0]["secret"] == "Secret(…)"


@pytest.mark.parametrize(
    ("lines", "events"),
    [
        ("debug", ["quiet", "bike.added", "bike.lost"]),
        ("info", ["bike.added", "bike.lost"]),
        ("error", ["bike.lost"]),
    ],
    indirect=["lines"],
)
def test_events_below_the_level_are_not_logged(
    lines: list[dict[str, object]], events: list[str]
) -> None:
    own = [line["event"] for line in lines if "logger" not in line]
    assert own == events


def test_a_line_that_repeats_often_is_logged_once_a_minute_with_its_number() -> None:
    now = 0.0
    repeats = Repeats(now=lambda: now)
    waiting = {"event": "relay.waiting", "reason": "not connected", **SELDOM}
    logged = []

    for second in range(int(2 * REPEAT_SECONDS) + 1):
        now = float(second)
        with suppress(structlog.DropEvent):
            logged.append(repeats(None, "warning", {**waiting, "timestamp": second}))

    first, second_, third = logged
    assert first == {"event": "relay.waiting", "reason": "not connected", "timestamp": 0}
    assert second_["repeated"] == third["repeated"] == REPEAT_SECONDS - 1


def test_another_reason_and_every_ordinary_line_are_logged_at_once() -> None:
    repeats = Repeats(now=lambda: 0.0)
    lines: list[dict[str, object]] = [
        {"event": "relay.waiting", "reason": "not connected", **SELDOM},
        {"event": "relay.waiting", "reason": "full", **SELDOM},
        {"event": "login.failed", "user": "kim"},
        {"event": "login.failed", "user": "kim"},
    ]

    assert len([repeats(None, "warning", dict(line)) for line in lines]) == len(lines)
