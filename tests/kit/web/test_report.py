"""Each request is one log line: with user, time and ids, and without anything that was sent."""

from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from roadbike.kit.pure.refusals import Conflict
from roadbike.kit.trace import new_traceparent

CANARY = "canary-9f2c"


def lines(logs: Any) -> list[dict[str, Any]]:
    return [dict(line) for line in logs if line["event"] == "http.request"]


async def test_a_request_is_one_line_with_user_and_time(send: Any) -> None:
    with capture_logs() as logs:
        await send("POST /things", {"thingNm": "wheel", "price": 1}, role="admin")

    (line,) = lines(logs)
    assert 0 < line.pop("ms") < 60_000
    assert line == {
        "event": "http.request",
        "log_level": "info",
        "method": "POST",
        "route": "/things",
        "status": 201,
        "user": "admin",
        "created": "/things/1",
    }


async def test_a_route_with_an_id_shows_its_pattern_and_the_id(send: Any) -> None:
    with capture_logs() as logs:
        await send("GET /things/1", role="buyer")

    (line,) = lines(logs)
    assert (line["route"], line["ids"]) == ("/things/{number}", {"number": "1"})


async def test_head_is_named_as_it_was_sent(send: Any) -> None:
    with capture_logs() as logs:
        await send("HEAD /things/1", role="buyer")

    assert [line["method"] for line in lines(logs)] == ["HEAD"]


async def test_a_refusal_is_named(send: Any, state: Any) -> None:
    state.fault[:] = [Conflict()]
    with capture_logs() as logs:
        await send("GET /fail", role="buyer")
        await send(f"GET /things?{'&'.join('abcdefghij' * 11)}", role="buyer")

    assert [(line["status"], line["refusal"]) for line in lines(logs)] == [
        (409, "conflict"),
        (400, "bad-request"),
    ]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_a_probe_is_no_line_at_the_usual_level(send: Any, path: str) -> None:
    with capture_logs() as logs:
        await send(f"GET {path}")

    assert [line["log_level"] for line in lines(logs)] == ["debug"]


@pytest.mark.parametrize(
    ("request_line", "body", "headers"),
    [
        (f"GET /{CANARY}", None, {}),
        (f"GET /things?q={CANARY}", None, {}),
        (f"GET /problems/{CANARY}", None, {}),
        ("POST /things", {"thingNm": CANARY, "price": 1}, {}),
        ("POST /things", {"thingNm": CANARY, "price": CANARY}, {}),
        ("POST /things", {CANARY: CANARY}, {}),
        ("POST /keys", None, {"Idempotency_Key": CANARY}),
        ("GET /things/1", None, {"Cookie": CANARY, "User_Agent": CANARY, "Referer": CANARY}),
    ],
)
async def test_nothing_that_was_sent_is_in_the_line(
    send: Any, request_line: str, body: Any, headers: dict[str, str]
) -> None:
    with capture_logs() as logs:
        await send(request_line, body, role="admin", **headers)

    assert len(lines(logs)) == 1
    assert CANARY not in repr(logs)


async def test_a_request_that_fails_is_one_line_and_its_cause(send: Any, state: Any) -> None:
    state.fault[:] = [KeyError("x")]
    with capture_logs() as logs:
        await send("GET /fail", role="buyer", traceparent=new_traceparent())

    assert [line["event"] for line in logs] == ["http.failed", "http.request"]
    assert (logs[1]["status"], logs[1]["refusal"]) == (500, "internal")


def test_only_ids_of_a_path_are_logged() -> None:
    from roadbike.kit.web.report import _ids

    id_ = UUID(int=7)
    assert _ids({"reserve_id": id_, "number": 1, "user_id": "김하나"}) == {
        "reserve_id": str(id_),
        "number": "1",
    }
