"""Each refusal of access, and each change that staff's role allows, is one log line."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.pure.refusals import ForeignObject, NotFound

CANARY = "canary-9f2c"


def lines(logs: Any) -> list[dict[str, Any]]:
    return [dict(line) for line in logs if line["event"].startswith("access.")]


def without_trace(response: Any) -> dict[str, Any]:
    return {name: value for name, value in response.json().items() if name != "traceId"}


async def test_a_token_that_is_not_valid_is_one_line(send: Any) -> None:
    with capture_logs() as logs:
        through_the_gateway = {"X_Gateway_Key": "the gateway's key", "X_Forwarded_For": "192.0.2.7"}
        await send("GET /things/1", role="nobody", **through_the_gateway)

    assert lines(logs) == [
        {
            "event": "access.refused",
            "log_level": "warning",
            "status": 401,
            "reason": "token",
            "method": "GET",
            "route": "/things/{number:int}",
            "client": "192.0.2.7",
        }
    ]


async def test_an_insufficient_role_is_one_line_with_the_user(send: Any) -> None:
    with capture_logs() as logs:
        await send("POST /things", {"thingNm": CANARY, "price": 1}, role="buyer")

    (line,) = lines(logs)
    assert (line["event"], line["status"], line["reason"]) == ("access.refused", 403, "role")
    assert (line["user"], line["method"], line["route"]) == ("buyer", "POST", "/things")


async def test_the_object_of_another_user_is_one_line_and_looks_absent(
    send: Any, state: Any
) -> None:
    state.fault[:] = [ForeignObject()]
    with capture_logs() as logs:
        foreign = await send("GET /fail", role="buyer")
    state.fault[:] = [NotFound()]
    absent = await send("GET /fail", role="buyer")

    assert [(line["status"], line["reason"]) for line in lines(logs)] == [(404, "foreign")]
    assert foreign.status_code == absent.status_code == 404
    assert without_trace(foreign) == without_trace(absent)


async def test_a_token_of_a_user_at_an_internal_route_is_one_line(send: Any) -> None:
    for path in ("/internal/caller", "/internal/nothing"):
        with capture_logs() as logs:
            await send(f"GET {path}", role="admin")

        assert [line["reason"] for line in lines(logs)] == ["token"], path


async def test_a_change_by_staff_is_one_line(send: Any) -> None:
    with capture_logs() as logs:
        await send("POST /things", {"thingNm": CANARY, "price": 1}, role="admin")

    (line,) = lines(logs)
    assert (line["event"], line["log_level"]) == ("access.granted", "info")
    assert (line["user"], line["role"], line["route"]) == ("admin", "admin", "/things")


@pytest.mark.parametrize(
    ("request_", "role"),
    [
        ("GET /things/1", None),  # without a token: nobody is refused anything that was theirs
        ("GET /things/1", "buyer"),
        ("GET /things/1", "admin"),
        ("GET /nothing", "buyer"),
        ("PUT /things", "buyer"),
    ],
)
async def test_nothing_else_is_logged(send: Any, request_: str, role: str | None) -> None:
    with capture_logs() as logs:
        await send(request_, role=role)

    assert lines(logs) == []


async def test_calls_of_services_are_not_logged(send: Any, ops: ServiceTokens) -> None:
    with capture_logs() as logs:
        await send("GET /internal/caller", **ops.headers("thing", "GET", "/internal/caller"))

    assert lines(logs) == []


async def test_no_line_has_a_token_a_body_or_a_path(send: Any) -> None:
    with capture_logs() as logs:
        await send("POST /things", {"thingNm": CANARY, "price": 1}, role="buyer")
        await send("POST /things", {"thingNm": CANARY, "price": 1}, role="admin")
        await send(f"GET /internal/{CANARY}", role=CANARY)
        await send(f"GET /things/1?q={CANARY}", role=CANARY, Cookie=f"a={CANARY}")

    assert len(lines(logs)) == 4
    assert CANARY not in repr(logs)
