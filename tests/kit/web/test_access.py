"""Each route names its audience, and refuses all other callers."""

from typing import Any

import pytest

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.web import get

FORGED = {"X-User-Id": "admin", "X-User-Role": "admin", "X_User_Id": "admin"}


async def test_a_buyer_route_requires_a_token(send: Any) -> None:
    response = await send("GET /things/1")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic YTpi", "buyer", "Bearer bad"]
)
async def test_a_malformed_authorization_header_is_refused(send: Any, authorization: str) -> None:
    response = await send("GET /things/1", Authorization=authorization)

    assert response.status_code == 401


@pytest.mark.parametrize("role", ["buyer", "admin"])
async def test_a_buyer_route_serves_every_logged_in_user(send: Any, role: str) -> None:
    response = await send("GET /things/1", role=role)

    assert response.json()["thingNm"] == role


async def test_an_admin_route_refuses_a_buyer(send: Any, api: Any) -> None:
    response = await send("POST /things", {"thingNm": "x", "price": 1}, role="buyer")

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
    response = await send("GET /internal/caller", **ops.headers("thing"))

    assert response.json() == {"caller": "ops"}


async def test_internal_routes_refuse_access_tokens_of_users(send: Any) -> None:
    for path in ("/internal/caller", "/internal/status", "/internal/openapi/openapi.json"):
        for role in (None, "buyer", "admin"):
            assert (await send(f"GET {path}", role=role)).status_code == 401


async def test_only_services_can_see_which_internal_routes_exist(
    send: Any, ops: ServiceTokens
) -> None:
    for request in ("GET /internal/nothing", "POST /internal/caller", "GET /internal/"):
        assert (await send(request, role="admin")).status_code == 401

    assert (await send("GET /internal/nothing", **ops.headers("thing"))).status_code == 404
    assert (await send("POST /internal/caller", **ops.headers("thing"))).status_code == 405


async def test_internal_routes_refuse_a_token_for_another_service(
    send: Any, ops: ServiceTokens
) -> None:
    response = await send("GET /internal/caller", **ops.headers("stock"))

    assert response.status_code == 401


async def test_internal_routes_refuse_a_token_of_an_unknown_caller(send: Any) -> None:
    stranger = ServiceTokens("ops", new_signing_key("ops/one"), '{"keys": []}')

    response = await send("GET /internal/caller", **stranger.headers("thing"))

    assert response.status_code == 401


def test_a_route_must_name_its_audience() -> None:
    async def serve() -> None: ...

    with pytest.raises(TypeError):
        get("/open", serve)  # type: ignore[call-arg]
