"""The table of `roadbike status`: it fits a terminal, and says what is wrong in words."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import Any, ClassVar

import pytest
from rich.console import Console

from roadbike.local.commands import status, status_table
from roadbike.local.supervisor.keeper import View

SERVERS = ("postgres", "nats", "gateway")
SERVICES = ("stock", "reservation", "payment", "delivery", "mypage", "account")


def row(part: str, **more: Any) -> dict[str, Any]:
    about = {"part": part, "state": "ready", "ready": True, "pid": 4_194_304, "port": 29_011}
    told = {"database": "postgresql", "unsent": 12_345, "lag": 12_345}
    figures = told | dict.fromkeys(("parked", "dead", "pending", "unsettled"), 0)
    own = {} if part in SERVERS else figures
    return about | {"restarts": 12, "memory_mb": 123.4} | own | more


def rows(**more: Any) -> list[dict[str, Any]]:
    """Those of a whole shop; `more` is what the reservation tells."""
    return [
        *(row(part) for part in (*SERVERS, *SERVICES) if part != "reservation"),
        row("reservation", **more),
    ]


def shown(told: list[dict[str, Any]], width: int = 80) -> str:
    to = StringIO()
    status_table.show(told, Console(file=to, width=width))
    return to.getvalue()


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("some", [{}, {"parked": 3, "dead": 1, "pending": 2, "unsettled": 4}])
def test_the_table_fits_and_shortens_nothing(width: int, some: dict[str, int]) -> None:
    said = shown(rows(**some), width)

    assert max(len(line) for line in said.splitlines()) <= width
    assert "…" not in said
    assert all(f"\n{part} " in said for part in (*SERVERS, *SERVICES))
    assert all(header in said.splitlines()[0] for header in ("state", "MB", "unsent", "lag", *some))
    assert ("pid" in said) == (width == 200 or (width == 100 and not some))


def test_what_there_is_none_of_is_one_line() -> None:
    assert shown(rows()).endswith("\nnothing parked, dead, pending or unsettled\n")
    assert shown(rows(dead=1)).endswith("\nnothing parked, intended or unsettled\n")
    assert "nothing" not in shown(rows(parked=1, dead=1, intents=1, unsettled=1))


def test_a_part_that_runs_but_is_not_ready_says_so_and_why() -> None:
    away = {"ready": False, "problem": "does not reach its database"}
    told = [row("nats"), row("stock"), row("payment") | away]
    for figure in status.FIGURES:
        del told[2][figure]

    said = shown(told)

    assert "payment  not ready" in said
    assert "\npayment: does not reach its database\n" in said
    assert said.endswith(" or unsettled, as far as is known\n")


class Refusing(BaseHTTPRequestHandler):
    """Answers 503, as a service without its database does."""

    body: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        self.send_response(503)
        self.send_header("Content-Type", "application/problem+json")
        self.end_headers()
        self.wfile.write(self.body if self.headers["Accept-Language"] == "en" else b"")

    def log_message(self, *_: object) -> None:
        """Nothing."""


class NoTokens:
    def headers(self, _service: str) -> dict[str, str]:
        return {}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            b'{"type": "/problems/unavailable", "detail": "Something is needed."}',
            "does not reach its database",
        ),
        (b'{"type": "/problems/overloaded", "detail": "Too many."}', "Too many."),
        (b"<html>", "does not reach its database"),
        (b"[]", "does not reach its database"),
    ],
)
def test_a_service_without_its_database_is_told_in_plain_words(body: bytes, problem: str) -> None:
    handler = type("Handler", (Refusing,), {"body": body})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.handle_request, daemon=True).start()
        port = server.server_port
        shop = {"addresses": {"stock": f"http://127.0.0.1:{port}"}}
        view = View(name="stock", port=port, state="ready")

        told = status._told(view, shop, NoTokens())  # noqa: SLF001  collect needs a whole shop

    assert told == {"ready": False, "problem": problem}
