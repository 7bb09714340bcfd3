"""`roadbike status --watch` says what is wrong in words, fits a terminal, and ends with Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from roadbike.local.commands import figures, watch_view, watching
from roadbike.local.commands.figures import Figures
from roadbike.local.commands.looks import Look
from tests.local.stub_shop import StubShop
from tests.local.test_status import row, rows, silent_row

NOW = datetime(2026, 11, 27, 3, tzinfo=UTC)
LATER = """
roadbike_http_request_seconds_bucket{le="0.1",method="GET",route="/stocks",status="200"} 195
roadbike_http_request_seconds_bucket{le="+Inf",method="GET",route="/stocks",status="200"} 195
roadbike_http_request_seconds_count{method="GET",route="/stocks",status="200"} 195
roadbike_http_request_seconds_bucket{le="0.1",method="GET",route="/stocks",status="503"} 4
roadbike_http_request_seconds_bucket{le="+Inf",method="GET",route="/stocks",status="503"} 5
roadbike_http_request_seconds_count{method="GET",route="/stocks",status="503"} 5
roadbike_http_request_seconds_bucket{le="+Inf",method="GET",route="/livez",status="200"} 900
roadbike_http_request_seconds_count{method="GET",route="/livez",status="200"} 900
roadbike_outbox_age_seconds 31
roadbike_loop_lag_seconds 0.02
roadbike_breaker_state{breaker="payment",state="open"} 1
roadbike_breaker_state{breaker="payment",state="closed"} 0
roadbike_pool_in_use{pool="reads"} 1
roadbike_pool_connections{pool="reads"} 3
roadbike_pool_in_use{pool="writes"} 3
roadbike_pool_connections{pool="writes"} 4
"""


def look(*given: Any, **of: Figures) -> Look:
    return Look(NOW, given or rows(), of)


def drawn(seen: Look, width: int = 200) -> str:
    to = StringIO()
    console = Console(file=to, width=width)
    console.print(watch_view.picture(seen, console))
    return to.getvalue()


def test_rates_are_those_since_the_look_before() -> None:
    now = figures.between({}, figures.read(LATER), 10.0)

    assert (now.per_second, now.refused, now.failed) == (20.0, 0.5, 0.0)
    assert now.p99_ms == 100
    assert (now.outbox_age, now.late_ms) == (31, 20)
    assert now.breakers == {"payment": "open"}
    assert now.pools == {"reads": (1, 3), "writes": (3, 4)}
    assert now.fullest_pool == "3/4"


def test_without_requests_there_are_no_rates() -> None:
    seen = figures.read(LATER)

    now = figures.between(seen, seen, 1.0)

    assert (now.per_second, now.refused, now.p99_ms) == (0.0, 0.0, None)


def test_a_process_that_began_again_has_no_negative_rates() -> None:
    before = figures.read(LATER.replace(" 195", " 9999"))

    assert figures.between(before, figures.read(LATER), 10.0).per_second == 20.0


def test_when_all_is_well_it_says_so() -> None:
    seen = look(stock=Figures(per_second=3.0))

    assert watch_view.problems(seen) == []
    assert drawn(seen).splitlines()[0].strip() == "All is well."
    assert watch_view.lines(seen)[1] == "All is well."


@pytest.mark.parametrize(
    ("more", "of", "said"),
    [
        ({"dead": 2}, Figures(), "reservation: there are dead letters; see"),
        ({"state": "stopped", "ready": False}, Figures(), "reservation: stopped"),
        (
            {},
            Figures(breakers={"payment": "open"}),
            "reservation: it does not call payment for a while, which failed too often",
        ),
        (
            {},
            Figures(breakers={"payment": "half_open"}),
            "reservation: it tries with a few calls whether payment works again",
        ),
        (
            {"unsent": 7},
            Figures(outbox_age=31),
            "reservation: 7 events are not sent; the oldest one has waited for 31 s",
        ),
        (
            {},
            Figures(late_ms=250),
            "reservation: it has too much work and is 250 ms late",
        ),
        (
            {},
            Figures(per_second=9.0, failed=1.5),
            "reservation: it answers 1.5 requests a second with 500",
        ),
        (
            {},
            Figures(per_second=10.0, refused=2.0),
            "reservation: it refuses 20 % of the requests (429, 503)",
        ),
    ],
)
def test_what_is_wrong_is_said_at_the_top(more: dict[str, Any], of: Figures, said: str) -> None:
    seen = look(*rows(**more), reservation=of)

    (problem,) = watch_view.problems(seen)

    assert problem.startswith(said)
    assert drawn(seen).startswith(f"! {said}")
    assert problem in watch_view.lines(seen)


@pytest.mark.parametrize("language", ["ko_KR.UTF-8", "en_US.UTF-8"])
@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_table_fits_and_shortens_nothing(
    width: int, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    of = Figures(per_second=1_234.5, p99_ms=2_500, refused=123.4, failed=1.2)
    many = look(*rows(unsent=123_456, lag=123_456, dead=12), reservation=of, stock=of)

    table = [line for line in drawn(many, width).splitlines() if not line.startswith("!")]

    assert "…" not in "".join(table)
    assert any("reservation" in line and "1234.5" in line and "123456" in line for line in table)


def test_a_part_without_figures_has_empty_cells() -> None:
    seen = look(silent_row("nats"), row("stock"), stock=Figures())

    (nats,) = [line for line in drawn(seen).splitlines() if line.startswith("nats")]

    assert "0.0" not in nats


def looks_until_ctrl_c(number: int) -> Callable[[], Look]:
    """Return what gives so many looks and is then interrupted, as by Ctrl-C."""
    left = iter([look()] * number)

    def next_look() -> Look:
        for seen in left:
            return seen
        raise KeyboardInterrupt

    return next_look


def test_in_a_pipe_there_are_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LINE_SECONDS", 0.0)
    to = StringIO()

    watching.watch(looks_until_ctrl_c(2), Console(file=to, width=200))

    lines = to.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[1] == lines[3] == "All is well."
    assert "\x1b" not in to.getvalue()


def test_on_a_terminal_it_leaves_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.0)
    to = StringIO()

    watching.watch(looks_until_ctrl_c(2), Console(file=to, width=100, force_terminal=True))

    begin, end = ("\x1b[?1049h", "\x1b[?25l"), ("\x1b[?1049l", "\x1b[?25h")
    written = to.getvalue()
    assert all(code in written for code in begin)
    assert all(written.rfind(on) < written.rfind(off) for on, off in zip(begin, end, strict=True))


def test_ctrl_c_ends_the_command_without_a_word(shop: StubShop) -> None:
    watched = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "roadbike", "status", "--watch", "--home", str(shop.home.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    assert watched.stdout is not None
    assert "requests a second" in watched.stdout.readline()

    watched.send_signal(signal.SIGINT)
    _, said = watched.communicate(timeout=30)

    assert (watched.returncode, said) == (0, "")
