"""The table of `roadbike status`: it fits a terminal, and says in words what is wrong."""

from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import Any, ClassVar

import msgspec
import pytest
from rich.console import Console

from roadbike.kit.process.status import ServiceStatus
from roadbike.kit.resilience.breaker import BreakerReport
from roadbike.local.commands import status, status_table, verdict
from roadbike.local.commands.status import PartStatus
from roadbike.local.shop_file import ShopFile
from roadbike.local.supervisor.keeper import View
from tests.local.shop_files import a_shop_file

SERVERS = ("postgres", "nats", "gateway")
SERVICES = ("stock", "reservation", "payment", "delivery", "mypage", "account")
COUNTS = (
    "missing",
    "parked",
    "stuck",
    "dead",
    "kept",
    "refused",
    "unanswered",
    "pending",
    "unsettled",
)


PROTECTION = ("limits", "breakers")


def silent_row(part: str, **more: Any) -> PartStatus:
    """The row of a part without figures: a server, or a service that does not answer."""
    known: dict[str, Any] = {"part": part, "state": "ready", "ready": True, "pid": 4_194_304}
    return PartStatus(**known | {"port": 29_011, "restarts": 12, "memory_mb": 123.4} | more)


def row(part: str, **more: Any) -> PartStatus:
    if part in SERVERS:
        return silent_row(part, **more)
    figures: dict[str, Any] = {"database": "postgresql", "unsent": 12_345, "lag": 12_345}
    return silent_row(part, **figures | dict.fromkeys(COUNTS, 0) | more)


def rows(**more: Any) -> list[PartStatus]:
    """Those of a whole shop, with these fields for reservation."""
    return [
        *(row(part) for part in (*SERVERS, *SERVICES) if part != "reservation"),
        row("reservation", **more),
    ]


def shown(rows: Sequence[PartStatus], width: int = 80) -> str:
    to = StringIO()
    status_table.show(rows, Console(file=to, width=width))
    return to.getvalue()


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize(
    "some",
    [
        {},
        {"parked": 3, "stuck": 2, "dead": 1, "refused": 5, "pending": 2, "unsettled": 4},
    ],
)
def test_the_table_fits_and_shortens_nothing(width: int, some: dict[str, int]) -> None:
    text = shown(rows(**some), width)

    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    assert all(f"\n{part} " in text for part in (*SERVERS, *SERVICES))
    assert all(header in text.splitlines()[0] for header in ("state", "unsent", "lag", *some))
    assert ("MB" in text) == (width > 80 or not some)
    assert ("pid" in text) == (width == 200 or (width == 100 and not some))


def test_all_counts_fit_into_a_wider_table() -> None:
    text = shown(rows(**dict.fromkeys(COUNTS, 1)), 100)

    assert "…" not in text
    assert " kept " in text


def test_counts_that_are_0_everywhere_are_one_line() -> None:
    assert shown(rows()).endswith("\nno parked events or open payments\n")
    assert shown(rows(pending=1), 100).endswith(
        "\nno missing topics, parked events, stuck events, dead letters, kept events, refused "
        "events, \nunanswered claims or unsettled payments\n"
    )
    assert shown(rows(**dict.fromkeys(COUNTS[:-1], 1))).endswith("\nno unsettled payments\n")
    assert "\nno " not in shown(rows(**dict.fromkeys(COUNTS, 1)))


def test_a_service_that_is_not_ready_is_shown_with_the_reason() -> None:
    problem = "cannot reach its database"
    text = shown([row("nats"), row("stock"), silent_row("payment", ready=False, problem=problem)])

    assert "payment  not ready" in text
    assert "\npayment: cannot reach its database\n" in text
    assert text.endswith(
        "\nno parked events or open payments (only services that answered are counted)\n"
    )


def test_what_needs_a_person_is_a_sentence_with_the_part() -> None:
    text = shown(rows(stuck=2, dead=1, refused=3), 200)

    for sentence in ("the retries of some events fail", "there are dead letters"):
        assert f"\nreservation: {sentence}; see `" in text
    assert text.count("dead-letters list`\n") == 2
    assert "\nreservation: there are refused events; its log names each as" in text
    assert "\npayment: not ready\n" in shown([silent_row("payment", state="ready", ready=False)])


def test_a_missing_topic_or_group_is_loud_in_the_table_and_in_the_exit_code() -> None:
    figures: dict[str, Any] = {"database": "sqlite", "unsent": 0, "lag": None}
    figures |= dict.fromkeys(COUNTS[:-3], 0) | {"missing": 1}
    own = ServiceStatus(ready=True, service="stock", broker=True, published=9, gauges={}, **figures)

    answered = row_of_a_service_that_answers(200, msgspec.json.encode(own.flat()))
    given = msgspec.convert(answered, PartStatus)

    assert "\nstock: the broker has lost a topic or group of this service; " in shown([given], 200)
    assert verdict.exit_code([row("nats"), given]) is verdict.ExitCode.NEEDS_A_PERSON


def test_why_a_part_was_killed_stands_below_the_table() -> None:
    killed = silent_row("stock", last_end="gave no answer for 10 s")

    assert "\nstock: was started again (gave no answer for 10 s)\n" in shown([killed], 200)


class Answering(BaseHTTPRequestHandler):
    """Answers one status and body to everybody who asks in English."""

    status: ClassVar[int] = 503
    body: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", "application/problem+json")
        self.end_headers()
        self.wfile.write(self.body if self.headers["Accept-Language"] == "en" else b"")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class NoTokens:
    def headers(self, _service: str, _method: str, _path: str) -> dict[str, str]:
        return {}


def row_of_a_service_that_answers(status_code: int, body: bytes) -> dict[str, Any]:
    handler = type("Handler", (Answering,), {"status": status_code, "body": body})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.handle_request, daemon=True).start()
        view = View(name="stock", port=server.server_port, state="ready", restarts=2)
        made: dict[str, Any] = msgspec.to_builtins(
            status.row(shop_with_stock_at(server.server_port), NoTokens(), view)
        )
    return made


def shop_with_stock_at(port: int) -> ShopFile:
    return a_shop_file(addresses={"stock": f"http://127.0.0.1:{port}"})


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            b'{"type": "/problems/unavailable", "detail": "Something is needed."}',
            "cannot reach its database",
        ),
        (b'{"type": "/problems/overloaded", "detail": "Too many."}', "Too many."),
        (b"<html>", "cannot reach its database"),
        (b"[]", "cannot reach its database"),
    ],
)
def test_the_reason_of_a_503_is_shown_in_plain_words(body: bytes, problem: str) -> None:
    made = row_of_a_service_that_answers(503, body)

    assert made.keys() == {*ROW, *USED, "problem"}
    assert (made["ready"], made["problem"]) == (False, problem)


ROW = ("part", "state", "ready", "pid", "port", "restarts", "last_end")
USED = ("processes", "memory_mb", "cpu_percent")


def test_the_row_of_a_service_has_its_figures_beside_those_of_its_process() -> None:
    figures: dict[str, Any] = {"database": "sqlite", "unsent": 1, "lag": None, "missing": 1}
    figures |= {"parked": 2, "stuck": 1, "dead": 3, "kept": 2, "refused": 5}
    own = ServiceStatus(
        ready=True,
        service="stock",
        broker=True,
        published=9,
        gauges={"pending": 4},
        limits={"reads": 100},
        breakers={"payment": BreakerReport(state="open")},
        **figures,
    )

    made = row_of_a_service_that_answers(200, msgspec.json.encode(own.flat()))

    assert list(made) == [*ROW, *USED, *figures, "unanswered", "pending", "unsettled", *PROTECTION]
    assert made.items() >= (figures | {"ready": True, "pending": 4, "unsettled": 0}).items()
    assert made["limits"] == {"reads": 100}
    assert made["breakers"]["payment"]["state"] == "open"
    assert (made["part"], made["state"], made["restarts"]) == ("stock", "ready", 2)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"ready": true, "lag": "many"}'])
def test_an_answer_that_is_not_a_status_is_a_problem(body: bytes) -> None:
    made = row_of_a_service_that_answers(200, body)

    assert not made["ready"]
    assert made["problem"].startswith("does not answer: ")
