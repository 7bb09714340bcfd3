"""Sessions of browsers: opened and used by the storefront, ended in every way."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import httpx
import jwt
import pytest
from sqlalchemy import select, update

from roadbike.account import sessions
from roadbike.account.store import SESSION
from roadbike.account.use_cases import delete_ended_sessions
from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.process.service import Service
from tests.account.conftest import RARE, STOREFRONT_KEY

Call = Callable[..., Awaitable[httpx.Response]]
NEW: Final = "a new rare horse"
HERE: Final = "10.0.0.1"


@pytest.fixture
def call(client: httpx.AsyncClient) -> Call:
    """`await call("", {…})`: POST below /internal/sessions with a token of the storefront."""
    return calling(client, ServiceTokens("storefront", STOREFRONT_KEY, '{"keys": []}'))


def calling(client: httpx.AsyncClient, tokens: ServiceTokens) -> Call:
    async def call(path: str, body: object) -> httpx.Response:
        path, content = f"/internal/sessions{path}", json.dumps(body).encode()
        headers = tokens.headers("account", "POST", path, content)
        headers |= {"Content-Type": "application/json", "Accept-Language": "en"}
        return await client.post(path, content=content, headers=headers)

    return call


@pytest.fixture
def log_in_browser(sign_up: Any, call: Call) -> Callable[..., Awaitable[str]]:
    async def log_in_browser() -> str:
        await sign_up()
        answer = await call("", credentials())
        assert answer.status_code == 200, answer.text
        return str(answer.json()["session"])

    return log_in_browser


def credentials(password: str = RARE) -> dict[str, str]:
    return {"userId": "kim", "password": password, "client": HERE}


async def test_a_session_gives_short_tokens_of_its_user(log_in_browser: Any, call: Call) -> None:
    session = await log_in_browser()

    answer = await call("/tokens", {"session": session})

    assert answer.status_code == 200
    view = answer.json()
    claims = jwt.decode(view["accessToken"], options={"verify_signature": False})
    assert (view["userId"], view["userNm"], view["roles"]) == ("kim", "김자전거", ["buyer"])
    assert (claims["sub"], claims["exp"] - claims["iat"]) == ("kim", 60)


async def test_the_database_has_only_a_hash_of_the_session(
    log_in_browser: Any, service: Service
) -> None:
    session = await log_in_browser()

    async with service.db.read() as tx:
        stored = await tx.scalar(select(SESSION.c.id_hash))

    assert len(session) >= 22  # 128 bit, in base64
    assert session not in stored
    assert len(stored) == 64


async def test_every_log_in_opens_a_session_of_its_own(log_in_browser: Any, call: Call) -> None:
    first = await log_in_browser()
    second = (await call("", credentials())).json()["session"]

    assert first != second
    for session in (first, second):
        assert (await call("/tokens", {"session": session})).status_code == 200


async def test_a_wrong_password_opens_none_and_counts_as_a_failed_log_in(
    sign_up: Any, call: Call
) -> None:
    await sign_up()

    statuses = [(await call("", credentials("wrong"))).status_code for _ in range(4)]

    assert statuses == [401, 401, 401, 429]


@pytest.mark.parametrize("session", ["", "made-up", "x" * 64])
async def test_an_id_that_was_never_given_is_refused(call: Call, session: str) -> None:
    answer = await call("/tokens", {"session": session})

    assert answer.status_code == (422 if session == "" else 401)


async def test_after_the_log_out_the_session_is_of_no_use(log_in_browser: Any, call: Call) -> None:
    session = await log_in_browser()

    assert (await call("/end", {"session": session})).status_code == 204
    again = await call("/tokens", {"session": session})

    assert again.status_code == 401
    assert again.json()["type"] == "/problems/session-ended"
    assert (await call("/end", {"session": session})).status_code == 204


@pytest.mark.parametrize(
    ("column", "age"), [("used_at", sessions.IDLE), ("created_at", sessions.LIFE)]
)
async def test_a_session_ends_by_itself(
    log_in_browser: Any, call: Call, service: Service, column: str, age: timedelta
) -> None:
    session = await log_in_browser()
    await make_older(service, column, age - timedelta(seconds=30))
    assert (await call("/tokens", {"session": session})).status_code == 200

    await make_older(service, column, age)

    assert (await call("/tokens", {"session": session})).status_code == 401


async def test_use_keeps_a_session_open(log_in_browser: Any, call: Call, service: Service) -> None:
    session = await log_in_browser()

    for _ in range(3):
        await make_older(service, "used_at", sessions.IDLE - timedelta(minutes=1))
        assert (await call("/tokens", {"session": session})).status_code == 200


async def test_sessions_that_have_ended_are_deleted(
    log_in_browser: Any, call: Call, service: Service
) -> None:
    await log_in_browser()
    await make_older(service, "used_at", sessions.IDLE + timedelta(seconds=1))
    live = (await call("", credentials())).json()["session"]

    await delete_ended_sessions(service.db)

    async with service.db.read() as tx:
        assert len(await tx.rows(select(SESSION))) == 1
    assert (await call("/tokens", {"session": live})).status_code == 200


async def test_a_new_password_ends_the_other_sessions(log_in_browser: Any, call: Call) -> None:
    own = await log_in_browser()
    other = (await call("", credentials())).json()["session"]
    change = {"session": own, "password": RARE, "newPassword": NEW, "client": HERE}

    answer = await call("/password", change)

    assert answer.status_code == 204, answer.text
    assert (await call("/tokens", {"session": own})).status_code == 200
    assert (await call("/tokens", {"session": other})).status_code == 401
    assert (await call("", credentials())).status_code == 401
    assert (await call("", credentials(NEW))).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        ({"password": "wrong"}, 401, "wrong-credentials"),
        ({"newPassword": "short"}, 422, "invalid"),
        ({"newPassword": "password1"}, 422, "invalid"),
    ],
)
async def test_a_refused_change_of_the_password_changes_nothing(
    log_in_browser: Any, call: Call, change: dict[str, str], status: int, slug: str
) -> None:
    session = await log_in_browser()
    usual = {"session": session, "password": RARE, "newPassword": NEW, "client": HERE}

    answer = await call("/password", usual | change)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert (await call("", credentials())).status_code == 200


async def test_only_the_storefront_may_call(client: httpx.AsyncClient, log_in_browser: Any) -> None:
    session = await log_in_browser()
    stranger = calling(client, ServiceTokens("stock", new_signing_key("stock/1"), '{"keys": []}'))

    for path in ("", "/tokens", "/end", "/password"):
        assert (await stranger(path, {"session": session})).status_code == 401


async def make_older(service: Service, column: str, age: timedelta) -> None:
    async with service.db.begin() as tx:
        await tx.execute(update(SESSION).values({column: await tx.now() - age}))
