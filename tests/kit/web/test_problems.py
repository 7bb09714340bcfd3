"""Every error is a problem document in the reader's language, without internal details."""

from typing import Any

import pytest

from roadbike.kit.db import DatabaseUnavailable, StaleRow
from roadbike.kit.pure.refusals import (
    Conflict,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Refusal,
)


class Gone(Refusal):
    slug = "not-found"
    status = 404


async def test_an_unknown_path_is_a_problem(send: Any) -> None:
    response = await send("GET /nowhere", Accept_Language="en")

    problem = response.json()
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert problem == {
        "type": "/problems/not-found",
        "title": "Not found",
        "status": 404,
        "detail": problem["detail"],
        "instance": "/nowhere",
        "traceId": problem["traceId"],
    }


@pytest.mark.parametrize(
    ("accept", "title"),
    [
        (None, "찾을 수 없습니다"),
        ("ko", "찾을 수 없습니다"),
        ("en-GB,en;q=0.9", "Not found"),
        ("en;q=0.5, ko;q=0.6", "찾을 수 없습니다"),
        ("fr, en;q=0.1", "Not found"),
        ("fr", "찾을 수 없습니다"),
        ("en;q=x", "찾을 수 없습니다"),
    ],
)
async def test_a_problem_is_in_the_readers_language(
    send: Any, accept: str | None, title: str
) -> None:
    headers = {"Accept-Language": accept} if accept else {}

    response = await send("GET /nowhere", **headers)

    assert response.json()["title"] == title
    assert response.headers["vary"] == "accept-language"


async def test_a_wrong_method_is_responseed_with_the_allowed_ones(send: Any) -> None:
    response = await send("POST /things/1", {}, role="admin")

    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    assert response.json()["type"] == "/problems/method-not-allowed"


async def test_options_names_the_same_methods(send: Any) -> None:
    response = await send("OPTIONS /things/1")

    assert response.status_code == 204
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


async def test_an_unexpected_exception_shows_no_internal_details(send: Any) -> None:
    response = await send("GET /fail")

    assert response.status_code == 500
    assert response.json()["type"] == "/problems/internal"
    for internal in ("SELECT", "secret", "Traceback", "RuntimeError", ".py"):
        assert internal not in response.text


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        (NotFound(), 404, None),
        (Conflict(), 409, None),
        (StaleRow("late"), 409, "1"),
        (MethodNotAllowed(headers={"Allow": "GET"}), 405, None),
    ],
)
async def test_an_exception_has_its_status_and_retry_after(
    send: Any, state: Any, fault: Exception, status: int, retry_after: str | None
) -> None:
    state.fault.insert(0, fault)

    response = await send("GET /fail")

    assert response.status_code == status
    assert response.json()["status"] == status
    assert response.headers.get("retry-after") == retry_after


@pytest.mark.parametrize("fault", [Overloaded(retry_after=0.2), DatabaseUnavailable("lost")])
async def test_those_who_meet_503_together_come_back_at_different_times(
    send: Any, state: Any, fault: Exception
) -> None:
    state.fault.insert(0, fault)

    seconds = {(await send("GET /fail")).headers["retry-after"] for _ in range(60)}

    assert seconds == {"1", "2", "3", "4", "5"}  # each of them with all but certainty


async def test_a_refusal_may_have_a_pointer_and_further_members(send: Any, state: Any) -> None:
    state.fault.insert(0, Gone(pointer="/thingId", extra={"price": 5}))

    problem = (await send("GET /fail", Accept_Language="en")).json()

    assert problem["errors"] == [{"pointer": "/thingId", "detail": problem["detail"]}]
    assert problem["price"] == 5


async def test_a_malformed_path_parameter_is_not_found(send: Any) -> None:
    for path in ("/things/x", "/things/1.5", "/things/%00", "/things/1%0a", "/problems/%C3%28"):
        assert (await send(f"GET {path}", role="buyer")).status_code == 404


async def test_a_problem_type_has_a_page_in_both_languages(send: Any) -> None:
    response = await send("GET /problems/not-found")

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "찾을 수 없습니다" in response.text
    assert "Not found" in response.text


async def test_headers_over_the_limit_are_refused(send: Any) -> None:
    response = await send("GET /whoami", X_Long="x" * 17_000)

    assert response.status_code == 431
    assert response.json()["type"] == "/problems/head-too-large"


async def test_an_address_over_the_limit_is_refused(send: Any) -> None:
    for address in ("/things?q=" + "x" * 17_000, "/things/" + "x" * 17_000):
        assert (await send(f"GET {address}")).status_code == 431


async def test_too_many_query_parameters_are_refused(send: Any) -> None:
    """Litestar keeps the parsed queries of many requests, which would fill the memory."""
    assert (await send("GET /things?" + "&".join(["a=1"] * 100))).status_code == 422
    assert (await send("GET /things?" + "&".join(["a=1"] * 101))).status_code == 400


async def test_an_exception_before_the_router_is_a_problem_too(send: Any) -> None:
    response = await send("GET /whoami", Host="bad host/")

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
