"""Each route names whom it serves, and serves nobody else."""

from typing import Any

import pytest

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.web import get

FORGED = {"X-User-Id": "admin", "X-User-Role": "admin", "X_User_Id": "admin"}


async def test_a_buyers_route_wants_a_token(send: Any) -> None:
    answer = await send("GET /things/1")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic YTpi", "buyer", "Bearer bad"]
)
async def test_what_is_no_token_is_refused(send: Any, authorization: str) -> None:
    answer = await send("GET /things/1", Authorization=authorization)

    assert answer.status_code == 401


@pytest.mark.parametrize("role", ["buyer", "admin"])
async def test_a_buyers_route_serves_all_who_have_logged_in(send: Any, role: str) -> None:
    answer = await send("GET /things/1", role=role)

    assert answer.json()["thingNm"] == role


async def test_an_admins_route_serves_no_buyer(send: Any, api: Any) -> None:
    answer = await send("POST /things", {"thingNm": "x", "price": 1}, role="buyer")

    assert answer.status_code == 403
    assert api.stored == []


async def test_the_role_is_looked_at_before_the_body(send: Any) -> None:
    answer = await send("POST /things", b"{", role="buyer")

    assert answer.status_code == 403


async def test_an_open_route_knows_who_asks_when_they_say_so(send: Any) -> None:
    assert (await send("GET /whoami")).json() == {"user": "", "roles": ""}
    assert (await send("GET /whoami", role="admin")).json()["user"] == "admin"
    assert (await send("GET /whoami", role="nobody")).status_code == 401


async def test_headers_that_name_a_user_are_not_read(send: Any) -> None:
    assert (await send("GET /whoami", **FORGED)).json() == {"user": "", "roles": ""}
    assert (await send("GET /things/1", **FORGED)).status_code == 401


async def test_a_service_shows_its_own_token(send: Any, ops: ServiceTokens) -> None:
    answer = await send("GET /internal/caller", **ops.headers("thing"))

    assert answer.json() == {"caller": "ops"}


async def test_internal_routes_take_no_persons_token(send: Any) -> None:
    for path in ("/internal/caller", "/internal/status", "/internal/openapi/openapi.json"):
        for role in (None, "buyer", "admin"):
            assert (await send(f"GET {path}", role=role)).status_code == 401


async def test_strangers_do_not_learn_which_internal_routes_there_are(
    send: Any, ops: ServiceTokens
) -> None:
    for what in ("GET /internal/nothing", "POST /internal/caller", "GET /internal/"):
        assert (await send(what, role="admin")).status_code == 401

    assert (await send("GET /internal/nothing", **ops.headers("thing"))).status_code == 404
    assert (await send("POST /internal/caller", **ops.headers("thing"))).status_code == 405


async def test_internal_routes_take_no_token_for_another_service(
    send: Any, ops: ServiceTokens
) -> None:
    answer = await send("GET /internal/caller", **ops.headers("stock"))

    assert answer.status_code == 401


async def test_internal_routes_take_no_token_of_an_unknown_caller(send: Any) -> None:
    stranger = ServiceTokens("ops", new_signing_key("ops/one"), '{"keys": []}')

    answer = await send("GET /internal/caller", **stranger.headers("thing"))

    assert answer.status_code == 401


def test_a_route_without_a_named_audience_cannot_be_made() -> None:
    async def serve() -> None: ...

    with pytest.raises(TypeError):
        get("/open", serve)  # type: ignore[call-arg]
