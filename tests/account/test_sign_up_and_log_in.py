"""Sign-up and log-in over HTTP, on a real database."""

from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from roadbike.account.api import Credentials, SignUp
from roadbike.account.store import ACCOUNT
from roadbike.kit.auth import public_keys
from roadbike.kit.process.service import Service

RARE = "correct horse"


async def test_a_buyer_signs_up(sign_up: Any, service: Service) -> None:
    answer = await sign_up("Kim")

    assert answer.status_code == 201
    assert answer.headers["location"] == "/accounts/kim"
    account = answer.json()
    assert account["userId"] == "kim"
    assert account["userNm"] == "김자전거"
    assert account["roles"] == ["buyer"]
    assert account["_links"] == {"self": {"href": "/accounts/kim"}}
    async with service.db.read() as tx:
        stored = await tx.scalar(select(ACCOUNT.c.password_hash))
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_user_id_is_used_once(sign_up: Any) -> None:
    await sign_up("kim")

    answer = await sign_up("KIM", "another rare one")

    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "/problems/user-exists"
    assert [error["pointer"] for error in problem["errors"]] == ["/userId"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"userId": "김"}, "/userId"),
        ({"userId": 7}, "/userId"),
        ({"userId": "a" * 65}, "/userId"),
        ({"password": "short"}, "/password"),
        ({"password": "x" * 129}, "/password"),
        ({"password": "password1"}, "/password"),
        ({"userNm": ""}, "/userNm"),
        ({"userNm": "x" * 201}, "/userNm"),
        ({"userNm": "two\nlines"}, "/userNm"),
        ({"roles": ["admin"]}, "/roles"),
        ({"role": "admin"}, "/role"),
    ],
)
async def test_a_wrong_sign_up_is_refused(
    ask: Any, service: Service, change: dict[str, Any], pointer: str
) -> None:
    body = {"userId": "kim", "password": "correct horse", "userNm": "김"} | change

    answer = await ask("POST /accounts", body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    async with service.db.read() as tx:
        assert await tx.row(select(ACCOUNT)) is None


async def test_the_password_gets_a_valid_token(sign_up: Any, log_in: Any, ask: Any) -> None:
    await sign_up()

    answer = await log_in("KIM")

    token = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 600
    keys = public_keys((await ask("GET /.well-known/jwks.json")).text)
    claims = jwt.decode(
        token["access_token"], keys["account/1"], algorithms=["EdDSA"], audience="shop"
    )
    assert claims["sub"] == "kim"
    assert claims["roles"] == ["buyer"]
    assert claims["exp"] - claims["iat"] == 600


async def test_hangul_passwords_work_from_any_keyboard(sign_up: Any, log_in: Any) -> None:
    await sign_up("kim", "비밀스러운자전거길")

    decomposed = "비밀스러운자전거길"

    assert (await log_in("kim", decomposed)).status_code == 200


async def test_wrong_password_and_unknown_user_look_the_same(sign_up: Any, log_in: Any) -> None:
    await sign_up()

    wrong = await log_in("kim", "wrong horse")
    unknown = await log_in("lee", "wrong horse")

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["type"] == "/problems/wrong-credentials"
    varying = {"traceId"}
    assert {k: v for k, v in wrong.json().items() if k not in varying} == {
        k: v for k, v in unknown.json().items() if k not in varying
    }


async def test_an_old_hash_is_renewed_at_log_in(
    sign_up: Any, log_in: Any, service: Service
) -> None:
    await sign_up()
    old = PasswordHasher(memory_cost=8, time_cost=1, parallelism=1).hash("correct horse")
    async with service.db.begin() as tx:
        await tx.execute(update(ACCOUNT).values(password_hash=old))

    assert (await log_in()).status_code == 200

    async with service.db.read() as tx:
        stored = await tx.scalar(select(ACCOUNT.c.password_hash))
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await log_in()).status_code == 200


async def token_of(log_in: Any, user_id: str, password: str = RARE) -> str:
    token: str = (await log_in(user_id, password)).json()["access_token"]
    return token


async def test_a_buyer_sees_only_the_own_account(sign_up: Any, log_in: Any, ask: Any) -> None:
    await sign_up("kim")
    await sign_up("lee")
    token = await token_of(log_in, "kim")

    assert (await ask("GET /accounts/kim", token=token)).json()["userNm"] == "김자전거"
    assert (await ask("GET /accounts/KIM", token=token)).status_code == 200
    foreign = await ask("GET /accounts/lee", token=token)
    absent = await ask("GET /accounts/nobody", token=token)
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json()["detail"] == absent.json()["detail"]
    assert (await ask("GET /accounts/kim")).status_code == 401
    assert "hash" not in (await ask("GET /accounts/kim", token=token)).text


async def test_an_admin_sees_all_accounts(
    open_admin: Any, sign_up: Any, log_in: Any, ask: Any
) -> None:
    await sign_up("kim")
    await open_admin("a rare admin password")
    token = await token_of(log_in, "admin", "a rare admin password")

    assert (await ask("GET /accounts/kim", token=token)).status_code == 200
    assert (await ask("GET /accounts/admin", token=token)).json()["roles"] == ["admin", "buyer"]
    assert (await ask("GET /accounts/nobody", token=token)).status_code == 404


async def test_the_keys_are_public_and_can_be_cached(ask: Any) -> None:
    answer = await ask("GET /.well-known/jwks.json")

    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "use", "alg", "kid", "x"}
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["content-type"] == "application/jwk-set+json"


async def test_no_answer_shows_a_password(sign_up: Any, log_in: Any, ask: Any) -> None:
    canary = "canary-9f3b-password"

    answers = [
        await sign_up("kim", canary),
        await sign_up("kim", canary),
        await log_in("kim", canary),
        await log_in("lee", canary),
        await ask("POST /accounts", {"userId": "lee", "password": canary, "userNm": 7}),
        await ask("POST /accounts/tokens", {"userId": "kim", "password": [canary]}),
    ]

    assert all(canary not in answer.text for answer in answers)


def test_a_body_hides_its_password() -> None:
    shown = repr(SignUp(user_id="kim", password="secret-canary", user_name="김"))
    shown += repr(Credentials(user_id="kim", password="secret-canary"))

    assert "secret-canary" not in shown
