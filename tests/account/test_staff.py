"""Accounts of staff: who may make them, one-time passwords, changes of role, the last admin."""

import asyncio
import json
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from roadbike.account.domain import ONE_TIME_LIFE
from roadbike.account.store import ACCOUNT
from roadbike.kit.audit_log import AUDIT_LOG
from roadbike.kit.auth import ServiceTokens
from roadbike.kit.process.service import Service
from tests.account.conftest import OPS_KEY, RARE, STOREFRONT_KEY, Ask

ADMIN = "a rare admin password"
CHOSEN = "my own rare password"
HANA = {"userId": "hana", "userNm": "박해솔", "role": "clerk", "why": "배송 담당"}


@pytest.fixture
async def admin(open_admin: Any, log_in: Any) -> str:
    """The token of an admin."""
    await open_admin(ADMIN)
    return str((await log_in("admin", ADMIN)).json()["access_token"])


@pytest.fixture
async def hana(ask: Ask, admin: str) -> str:
    """The one-time password of a clerk."""
    answer = await ask("POST /accounts/staff", HANA, token=admin)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["oneTimePassword"])


async def choose(ask: Ask, one_time: str, chosen: str = CHOSEN) -> httpx.Response:
    body = {"userId": "hana", "password": one_time, "newPassword": chosen}
    return await ask("POST /accounts/tokens", body)


async def actions(service: Service) -> list[tuple[str, str, str, str | None]]:
    async with service.db.read() as tx:
        rows = await tx.rows(select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq))
    return [(row["actor"], row["action"], row["thing"], row["why"]) for row in rows]


async def test_a_clerk_chooses_a_password_with_the_one_time_one(
    ask: Ask, log_in: Any, hana: str, service: Service
) -> None:
    refused = await log_in("hana", hana)
    common = await choose(ask, hana, "password")
    same = await choose(ask, hana, hana)
    chosen = await choose(ask, hana)

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/password-must-change")
    assert "access_token" not in refused.text
    for answer in (common, same):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/newPassword"
    assert chosen.status_code == 200
    assert (await log_in("hana", CHOSEN)).status_code == 200
    assert (await log_in("hana", hana)).status_code == 401
    assert await actions(service) == [("admin", "added", "hana", "배송 담당")]


async def test_a_one_time_password_is_used_once_even_twice_at_once(ask: Ask, hana: str) -> None:
    answers = await asyncio.gather(*(choose(ask, hana, f"{CHOSEN} {n}") for n in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 401]


async def test_a_one_time_password_ends_by_itself(
    ask: Ask, log_in: Any, hana: str, service: Service
) -> None:
    async with service.db.begin() as tx:
        one = ACCOUNT.c.user_id == "hana"
        row = await tx.row(select(ACCOUNT).where(one))
        assert row is not None
        old = row["one_time_until"] - ONE_TIME_LIFE - timedelta(seconds=1)
        await tx.execute(update(ACCOUNT).where(one).values(one_time_until=old))

    assert (await log_in("hana", hana)).status_code == 401
    assert (await choose(ask, hana)).status_code == 401


async def test_a_reset_password_ends_the_old_one_and_the_sessions(
    ask: Ask, log_in: Any, hana: str, admin: str, client: httpx.AsyncClient
) -> None:
    await choose(ask, hana)
    session = await in_browser(client, "", CHOSEN)

    reset = await ask("POST /accounts/staff/hana/password", {}, token=admin)

    assert reset.status_code == 200
    assert (await log_in("hana", CHOSEN)).status_code == 401
    ended = await signed(client, "/tokens", {"session": session.json()["session"]})
    assert ended.json()["type"] == "/problems/session-ended"
    one_time = reset.json()["oneTimePassword"]
    assert (await choose(ask, one_time, f"{CHOSEN} 2")).status_code == 200


async def test_in_a_browser_the_log_in_takes_the_new_password_too(
    client: httpx.AsyncClient, hana: str
) -> None:
    refused = await in_browser(client, "", hana)
    opened = await in_browser(client, "", hana, newPassword=CHOSEN)

    assert refused.json()["type"] == "/problems/password-must-change"
    assert opened.json()["roles"] == ["clerk"]


async def test_a_changed_role_ends_the_sessions_and_is_in_the_next_token(
    ask: Ask, hana: str, admin: str, client: httpx.AsyncClient, service: Service
) -> None:
    await choose(ask, hana)
    session = (await in_browser(client, "", CHOSEN)).json()["session"]

    changed = await ask("PATCH /accounts/staff/hana", {"role": "admin", "why": "승진"}, token=admin)

    assert changed.json()["roles"] == ["admin"]
    ended = await signed(client, "/tokens", {"session": session})
    assert ended.status_code == 401
    assert (await in_browser(client, "", CHOSEN)).json()["roles"] == ["admin"]
    assert (await actions(service))[-1] == ("admin", "role-changed", "hana", "승진")
    again = await ask("PATCH /accounts/staff/hana", {"role": "admin"}, token=admin)
    assert again.status_code == 200
    assert len(await actions(service)) == 2


async def test_an_admin_of_before_may_do_nothing_with_an_old_token(
    ask: Ask, log_in: Any, hana: str, admin: str
) -> None:
    await choose(ask, hana)
    await ask("PATCH /accounts/staff/hana", {"role": "admin"}, token=admin)
    hanas = (await log_in("hana", CHOSEN)).json()["access_token"]
    await ask("PATCH /accounts/staff/admin", {"role": "buyer"}, token=hanas)

    answers = [
        await ask("PATCH /accounts/staff/admin", {"role": "admin"}, token=admin),
        await ask("POST /accounts/staff", HANA | {"userId": "other"}, token=admin),
        await ask("POST /accounts/staff/hana/password", {}, token=admin),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3


@pytest.mark.parametrize("role", ["buyer", "clerk"])
async def test_the_last_admin_stays_admin(ask: Ask, hana: str, admin: str, role: str) -> None:
    assert hana

    refused = await ask("PATCH /accounts/staff/admin", {"role": role}, token=admin)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last-admin")


async def test_two_admins_who_demote_each_other_leave_one(
    ask: Ask, log_in: Any, hana: str, admin: str
) -> None:
    await choose(ask, hana)
    await ask("PATCH /accounts/staff/hana", {"role": "admin"}, token=admin)
    hanas = (await log_in("hana", CHOSEN)).json()["access_token"]

    answers = await asyncio.gather(
        ask("PATCH /accounts/staff/admin", {"role": "buyer"}, token=hanas),
        ask("PATCH /accounts/staff/hana", {"role": "buyer"}, token=admin),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 403]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("GET /accounts/staff", None),
        ("GET /accounts/staff/admin", None),
        ("POST /accounts/staff", HANA),
        ("PATCH /accounts/staff/kim", {"role": "admin"}),
        ("POST /accounts/staff/admin/password", {}),
        ("GET /accounts/audit", None),
    ],
)
async def test_only_admins_see_and_change_staff(
    ask: Ask, sign_up: Any, log_in: Any, hana: str, what: str, body: object
) -> None:
    await sign_up()
    buyer = (await log_in("kim")).json()["access_token"]
    clerk = (await choose(ask, hana)).json()["access_token"]

    assert (await ask(what, body)).status_code == 401
    for token in (buyer, clerk):
        assert (await ask(what, body, token=token)).status_code == 403


async def test_the_password_of_a_buyer_is_not_reset(
    ask: Ask, sign_up: Any, log_in: Any, admin: str
) -> None:
    await sign_up()

    answer = await ask("POST /accounts/staff/kim/password", {}, token=admin)

    assert answer.status_code == 404
    assert (await log_in("kim")).status_code == 200


async def test_the_operator_makes_the_first_admin(
    client: httpx.AsyncClient, ask: Ask, service: Service
) -> None:
    made = await operate(client, "", {"userId": "boss", "userNm": "B", "role": "admin", "by": "me"})
    one_time = made.json()["oneTimePassword"]
    chosen = {"userId": "boss", "password": one_time, "newPassword": RARE}

    assert made.status_code == 201
    assert (await ask("POST /accounts/tokens", chosen)).status_code == 200
    assert await actions(service) == [("operator:me", "added", "boss", None)]
    last = await operate(client, "/role", {"userId": "boss", "role": "clerk", "by": "me"})
    assert last.status_code == 409
    reset = await operate(client, "/password", {"userId": "boss", "by": "me"})
    assert reset.json()["oneTimePassword"] != one_time


async def test_no_service_makes_staff(client: httpx.AsyncClient) -> None:
    body = {"userId": "boss", "userNm": "B", "role": "admin", "by": "me"}

    answer = await operate(client, "", body, caller="storefront", key=STOREFRONT_KEY)

    assert answer.status_code == 403


async def test_a_list_of_staff_has_no_buyers_and_no_passwords(
    ask: Ask, sign_up: Any, hana: str, admin: str
) -> None:
    await sign_up()

    listed = await ask("GET /accounts/staff", token=admin)

    found = listed.json()["_embedded"]["accounts"]
    assert [account["userId"] for account in found] == ["admin", "hana"]
    assert [account["oneTimeUntil"] is None for account in found] == [True, False]
    assert hana not in listed.text
    assert "argon2" not in listed.text


def operate(
    client: httpx.AsyncClient,
    path: str,
    body: object,
    *,
    caller: str = "ops",
    key: str = OPS_KEY,
) -> Awaitable[httpx.Response]:
    tokens = ServiceTokens(caller, key, '{"keys": []}')
    return _post(client, tokens, f"/internal/staff{path}", body)


def signed(client: httpx.AsyncClient, path: str, body: object) -> Awaitable[httpx.Response]:
    tokens = ServiceTokens("storefront", STOREFRONT_KEY, '{"keys": []}')
    return _post(client, tokens, f"/internal/sessions{path}", body)


def in_browser(
    client: httpx.AsyncClient, path: str, password: str, **more: str
) -> Awaitable[httpx.Response]:
    body = {"userId": "hana", "password": password, "client": "10.0.0.1"} | more
    return signed(client, path, body)


async def _post(
    client: httpx.AsyncClient, tokens: ServiceTokens, path: str, body: object
) -> httpx.Response:
    content = json.dumps(body).encode()
    headers = tokens.headers("account", "POST", path, content)
    headers |= {"Content-Type": "application/json"}
    return await client.post(path, content=content, headers=headers)
