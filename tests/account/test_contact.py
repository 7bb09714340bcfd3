"""A person's own account: how they are reached, and where parcels go; delivery may ask for it."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from roadbike.account import app
from roadbike.account.api import AccountEdit
from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.process.secret import Secret
from tests.account.conftest import KEY, Ask
from tests.service_harness import Signed, http_client, settings

CONTACT = {"telNo": "010-1234-5678", "zipCd": "13497", "addrNm": "성남시 분당구 야탑로 1"}
PROFILE = CONTACT | {"userNm": "김하나", "email": "hana@example.com"}
KEYS = {name: new_signing_key(f"{name}/1") for name in ("delivery", "reservation", "account")}


@pytest.fixture
async def token(sign_up: Ask, log_in: Ask) -> str:
    assert (await sign_up("kim")).status_code == 201
    found: str = (await log_in("kim")).json()["access_token"]
    return found


async def test_a_new_account_has_no_contact_and_its_owner_adds_one(ask: Ask, token: str) -> None:
    before = (await ask("GET /accounts/me", token=token)).json()

    edited = await ask("PATCH /accounts/me", PROFILE, token=token)

    assert {name: before[name] for name in PROFILE} == {
        **dict.fromkeys(CONTACT),
        "userNm": "김자전거",
        "email": None,
    }
    assert edited.status_code == 200
    assert {name: edited.json()[name] for name in PROFILE} == PROFILE
    assert (await ask("GET /accounts/kim", token=token)).json() == edited.json()


async def test_what_is_left_out_stays_and_null_empties(ask: Ask, token: str) -> None:
    await ask("PATCH /accounts/me", PROFILE, token=token)

    edited = (await ask("PATCH /accounts/me", {"email": None}, token=token)).json()
    same = (await ask("PATCH /accounts/me", {}, token=token)).json()

    assert {name: edited[name] for name in PROFILE} == PROFILE | {"email": None}
    assert same == edited


@pytest.mark.parametrize(
    "body",
    [
        *({"email": text} for text in ("", "hana", "a@b", "a b@example.com", "a@example.com\n")),
        {"email": "a" * 65 + "@example.com"},
        {"telNo": "no"},
        {"zipCd": "1"},
        {"addrNm": "a\nb"},
        {"userNm": None},
        {"password": "another one"},
    ],
)
async def test_what_is_wrong_is_refused_and_named(
    ask: Ask, token: str, body: dict[str, Any]
) -> None:
    refused = await ask("PATCH /accounts/me", body, token=token)

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [f"/{next(iter(body))}"]


async def test_only_its_owner_is_offered_the_edit(
    ask: Ask, token: str, sign_up: Ask, open_admin: Any, log_in: Ask
) -> None:
    await open_admin("admin's long password")
    admin = (await log_in("admin", "admin's long password")).json()["access_token"]

    own = (await ask("GET /accounts/kim", token=token)).json()["_links"]
    seen = (await ask("GET /accounts/kim", token=admin)).json()["_links"]

    assert own["edit"]["href"] == "/accounts/me"
    assert "edit" not in seen
    assert (await ask("PATCH /accounts/me", PROFILE)).status_code == 401
    assert (await sign_up("me")).status_code == 422  # the path of one's own account


async def test_a_contact_stays_out_of_logs(ask: Ask, token: str) -> None:
    with capture_logs() as logs:
        await ask("PATCH /accounts/me", PROFILE, token=token)
        await ask("PATCH /accounts/me", PROFILE | {"zipCd": "1"}, token=token)

    assert not [value for value in PROFILE.values() if value in repr(logs)]
    assert "010" not in repr(AccountEdit(phone="010-1234-5678"))


@pytest.fixture
async def internal(account_url: str) -> AsyncIterator[Callable[[str, str], Any]]:
    """`await internal("delivery", "kim")` asks as that service for the contact of that user."""
    callers = [SigningKey.from_jwk(KEYS[name]).public_jwk() for name in ("delivery", "reservation")]
    own = {
        "service_key": Secret(KEYS["account"]),
        "caller_keys": json.dumps({"keys": callers}),
        "signing_key": Secret(KEY),
    }
    service = app.build(app.Settings(**settings("account", account_url) | own))

    async with http_client(service) as client:

        async def ask(caller: str, user_id: str) -> httpx.Response:
            tokens = ServiceTokens(caller, KEYS[caller], '{"keys": []}')
            path = f"/internal/accounts/{user_id}/contact"
            return await client.get(path, auth=Signed(tokens, "account"))

        yield ask
    await service.db.close()


async def test_delivery_alone_is_answered_who_a_parcel_goes_to_and_where(
    ask: Ask, token: str, internal: Callable[[str, str], Any]
) -> None:
    await ask("PATCH /accounts/me", PROFILE, token=token)

    answer = await internal("delivery", "kim")

    assert answer.status_code == 200
    assert answer.json() == CONTACT | {"userNm": "김하나"}
    assert (await internal("delivery", "lee")).status_code == 404
    assert (await internal("reservation", "kim")).status_code == 403
    assert (await ask("GET /internal/accounts/kim/contact", token=token)).status_code == 401
