"""Each route names its audience, and refuses all other callers."""

from typing import Any

import pytest

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.web import get

FORGED = {"X-User-Id": "admin", "X-User-Role": "admin", "X_User_Id": "admin"}


def called(
    tokens: ServiceTokens, request: str, body: bytes = b"", callee: str = "thing"
) -> dict[str, str]:
    """Return the headers of a service for one request."""
    method, path = request.split(" ", 1)
    return tokens.headers(callee, method, path, body)


async def test_a_buyer_route_requires_a_token(send: Any) -> None:
    response = await send("GET /things/1")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("authorization", "slug", "challenge"),
    [
        (None, "unauthenticated", "Bearer"),
        (
            "Bearer old",
            "token-expired",
            'Bearer error="invalid_token", error_description="expired"',
        ),
        ("Bearer bad", "token-invalid", 'Bearer error="invalid_token"'),
        ("Basic YTpi", "token-invalid", 'Bearer error="invalid_token"'),
    ],
)
async def test_a_missing_an_expired_and_a_wrong_token_are_different_answers(
    send: Any, authorization: str | None, slug: str, challenge: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = await send("GET /things/1", **headers)

    assert (response.status_code, response.json()["type"]) == (401, f"/problems/{slug}")
    assert response.headers["www-authenticate"] == challenge


async def test_a_public_route_ignores_an_old_token(send: Any) -> None:
    assert (await send("GET /whoami", role="old")).json() == {"user": "", "roles": ""}
    assert (await send("GET /things/1", role="old")).status_code == 401


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic YTpi", "buyer", "Bearer bad"]
)
async def test_a_malformed_authorization_header_is_refused(send: Any, authorization: str) -> None:
    response = await send("GET /things/1", Authorization=authorization)

    assert response.status_code == 401


@pytest.mark.parametrize("role", ["buyer", "admin"])
async def test_a_buyer_route_serves_buyers_and_admins(send: Any, role: str) -> None:
    response = await send("GET /things/1", role=role)

    assert response.json()["thingNm"] == role


async def test_a_buyer_route_refuses_a_clerk(send: Any) -> None:
    assert (await send("GET /things/1", role="clerk")).status_code == 403


@pytest.mark.parametrize("role", ["buyer", "clerk"])
async def test_an_admin_route_refuses_all_others(send: Any, api: Any, role: str) -> None:
    response = await send("POST /things", {"thingNm": "x", "price": 1}, role=role)

    assert response.status_code == 403
    assert api.stored == []


async def test_the_role_is_checked_before_the_body(send: Any) -> None:
    response = await send("POST /things", b"{", role="buyer")

    assert response.status_code == 403


async def test_an_anyone_route_reads_the_token_if_there_is_one(send: Any) -> None:
    assert (await send("GET /whoami")).json() == {"user": "", "roles": ""}
    assert (await send("GET /whoami", role="admin")).json()["user"] == "admin"
    assert (await send("GET /whoami", role="nobody")).status_code == 401


async def test_headers_that_name_a_user_are_ignored(send: Any) -> None:
    assert (await send("GET /whoami", **FORGED)).json() == {"user": "", "roles": ""}
    assert (await send("GET /things/1", **FORGED)).status_code == 401


async def test_an_internal_route_accepts_an_internal_token(send: Any, ops: ServiceTokens) -> None:
    response = await send("GET /internal/caller", **called(ops, "GET /internal/caller"))

    assert response.json() == {"caller": "ops"}


async def test_an_internal_token_is_for_one_request(send: Any, ops: ServiceTokens) -> None:
    request, body = "PUT /internal/things/1", b'{"price": 5}'
    headers = called(ops, request, body)

    for other, sent in (
        ("PUT /internal/things/1", b'{"price": 1}'),
        ("PUT /internal/things/1", b'{"price":5}'),  # the same members in other bytes
        ("PUT /internal/things/1", b""),
        ("PUT /internal/things/2", body),
        ("PUT /internal/things/1?q=1", body),
    ):
        assert (await send(other, sent, **headers)).status_code == 401
    answer = await send(request, body, **headers)
    assert (answer.status_code, answer.json()["price"]) == (200, 5)


async def test_an_internal_token_is_used_once(send: Any, ops: ServiceTokens) -> None:
    headers = called(ops, "GET /internal/caller")

    answers = [await send("GET /internal/caller", **headers) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 401, 401]


async def test_a_get_has_no_body_that_was_not_signed(send: Any, ops: ServiceTokens) -> None:
    headers = called(ops, "GET /internal/caller")

    assert (await send("GET /internal/caller", b"{}", **headers)).status_code == 401


async def test_a_head_is_signed_as_the_get_that_it_is(send: Any, ops: ServiceTokens) -> None:
    response = await send("HEAD /internal/caller", **called(ops, "GET /internal/caller"))

    assert response.status_code == 200


async def test_a_path_is_signed_with_its_query_as_the_routes_see_it(
    send: Any, ops: ServiceTokens
) -> None:
    signed = "PUT /internal/things/1?q=%EB%B0%94&sort=a"

    response = await send(signed, b"{}", **called(ops, signed, b"{}"))

    assert response.status_code == 422  # not 401: the token is good, but the route takes no query
    assert [error["parameter"] for error in response.json()["errors"]] == ["q", "sort"]


async def test_what_a_service_sends_wrong_is_named_to_it(send: Any, ops: ServiceTokens) -> None:
    request = "PUT /internal/things/1"
    for body, status in ((b'{"price": -1}', 422), (b"{", 400), (b" " * 70_000, 413)):
        assert (await send(request, body, **called(ops, request, body))).status_code == status


async def test_internal_routes_refuse_access_tokens_of_users(send: Any) -> None:
    for path in ("/internal/caller", "/internal/status", "/internal/openapi/openapi.json"):
        for role in (None, "buyer", "admin"):
            assert (await send(f"GET {path}", role=role)).status_code == 401


async def test_only_services_can_see_which_internal_routes_exist(
    send: Any, ops: ServiceTokens
) -> None:
    for request in ("GET /internal/nothing", "POST /internal/caller", "GET /internal/"):
        assert (await send(request, role="admin")).status_code == 401

    for request, status in (("GET /internal/nothing", 404), ("POST /internal/caller", 405)):
        assert (await send(request, **called(ops, request))).status_code == status
    assert (await send("GET /internal/a", **called(ops, "GET /internal/b"))).status_code == 401


async def test_internal_routes_refuse_a_token_for_another_service(
    send: Any, ops: ServiceTokens
) -> None:
    response = await send(
        "GET /internal/caller", **called(ops, "GET /internal/caller", callee="stock")
    )

    assert response.status_code == 401


async def test_internal_routes_refuse_a_token_of_an_unknown_caller(send: Any) -> None:
    stranger = ServiceTokens("ops", new_signing_key("ops/one"), '{"keys": []}')

    response = await send("GET /internal/caller", **called(stranger, "GET /internal/caller"))

    assert response.status_code == 401


def test_a_route_must_name_its_audience() -> None:
    async def serve() -> None: ...

    with pytest.raises(TypeError):
        get("/open", serve)  # type: ignore[call-arg]
