"""A token is valid or 401; 503 when that cannot be decided; a forged token is never a 500."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from roadbike.kit.auth import (
    VERIFICATION_KEY,
    SigningKey,
    TokenVerifier,
    new_signing_key,
)
from roadbike.kit.db import Database, metadata
from roadbike.kit.pure.refusals import Unauthenticated, Unavailable
from tests.kit.tokens import AUDIENCE, ISSUER, KEY, ROLES, claims

OTHER = SigningKey.from_jwk(new_signing_key("account/2"))


class Account:
    """The issuer's JWKS: counts the requests, and may be unavailable."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys)
        self.requests = 0
        self.unavailable = False
        self.now = 1000.0

    async def fetch(self, url: str) -> str:
        assert url == "http://account/.well-known/jwks.json"
        self.requests += 1
        if self.unavailable:
            raise ConnectionRefusedError
        return json.dumps({"keys": [key.public_jwk() for key in self.keys]})

    def clock(self) -> float:
        return self.now


@pytest.fixture
def account() -> Account:
    return Account(KEY)


@pytest.fixture
async def db(sqlite_url: str, open_database: Callable[[str], Database]) -> Database:
    database = open_database(sqlite_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return database


@pytest.fixture
def verifier(db: Database, account: Account) -> TokenVerifier:
    return verifier_of(db, account)


def verifier_of(db: Database, account: Account) -> TokenVerifier:
    return verifier_with(db, account, account.fetch)


def verifier_with(
    db: Database, account: Account, fetch: Callable[[str], Awaitable[str]]
) -> TokenVerifier:
    return TokenVerifier(
        db,
        "http://account/",
        issuer=ISSUER,
        audience=AUDIENCE,
        roles=ROLES,
        clock=account.clock,
        fetch=fetch,
    )


async def test_a_valid_token_has_the_user_and_the_known_roles(verifier: TokenVerifier) -> None:
    identity = await verifier.verify(KEY.sign(claims(roles=["buyer", "admin", "king"])))

    assert identity.user_id == "kim"
    assert identity.roles == {"buyer", "admin"}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "bank"},
        {"aud": [AUDIENCE, "bank"]},
        {"iss": "somebody"},
        {"exp": int(time.time()) - 60},
        {"nbf": int(time.time()) + 600},
        {"iat": int(time.time()) + 600},
        {"exp": None},
        {"iat": None},
        {"aud": None},
        {"iss": None},
        {"sub": None},
        {"roles": None},
        {"roles": "admin"},
        {"sub": ""},
        {"sub": 7},
        {"exp": "soon"},
        {"exp": 1e400},
        {"exp": [1]},
    ],
)
async def test_a_signed_token_with_wrong_claims_is_refused(
    verifier: TokenVerifier, changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(KEY.sign(claims(**changes)))


def part(members: Any) -> str:
    text = members if isinstance(members, bytes) else json.dumps(members).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def forged(header: dict[str, Any], signature: bytes = b"") -> str:
    return f"{part(header)}.{part(claims(roles=['admin']))}.{part(signature)}"


def hmac_with_public_key() -> str:
    head = f"{part({'alg': 'HS256', 'kid': KEY.kid})}.{part(claims())}"
    secret = KEY.private.public_key().public_bytes_raw()
    return f"{head}.{part(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


GOOD = KEY.sign(claims())
HEAD, BODY, SIGNATURE = GOOD.split(".")
FORGERIES = {
    **{f"alg {alg}": forged({"alg": alg, "kid": KEY.kid}) for alg in ("none", "None", "NONE", "")},
    "no alg": forged({"kid": KEY.kid}),
    "alg a list": forged({"alg": ["EdDSA"], "kid": KEY.kid}),
    "HMAC with the public key": hmac_with_public_key(),
    "an unknown key": OTHER.sign(claims()),
    "signed with another key": SigningKey(KEY.kid, OTHER.private).sign(claims()),
    "no signature": f"{HEAD}.{BODY}.",
    "two parts": f"{HEAD}.{BODY}",
    "truncated": GOOD[:-9],
    "another body": f"{HEAD}.{part(claims(sub='admin'))}.{SIGNATURE}",
    "own key in the header": forged({"alg": "EdDSA", "kid": KEY.kid, "jwk": OTHER.public_jwk()}),
    "a url of keys in the header": forged(
        {"alg": "EdDSA", "kid": KEY.kid, "jku": "http://evil/keys"}
    ),
    "crit": forged({"alg": "EdDSA", "kid": KEY.kid, "crit": ["exp"]}),
    "b64": forged({"alg": "EdDSA", "kid": KEY.kid, "b64": False}),
    "kid a path": forged({"alg": "EdDSA", "kid": "../../etc/passwd"}),
    "kid a number": forged({"alg": "EdDSA", "kid": 1}),
    "kid with a NUL": forged({"alg": "EdDSA", "kid": "a\x00b"}),
    "kid too long": forged({"alg": "EdDSA", "kid": "k" * 101}),
    "no kid": forged({"alg": "EdDSA"}),
    "a header that is not an object": f"{part([])}.{BODY}.{SIGNATURE}",
    "a header that is not JSON": f"{part(b'{')}.{BODY}.{SIGNATURE}",
    "a header of nested arrays": f"{part(b'[' * 2000)}.{BODY}.{SIGNATURE}",
    "empty": "",
    "dots": "...",
    "not ASCII": "é.é.é",
    "a megabyte": GOOD + "x" * 1_000_000,
}


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forged_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_claims_that_are_not_an_object_are_refused(verifier: TokenVerifier) -> None:
    head = f"{part({'alg': 'EdDSA', 'kid': KEY.kid})}.{part([1])}"

    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{head}.{part(KEY.private.sign(head.encode()))}")


async def test_stored_keys_are_used_after_a_restart_while_the_issuer_is_unavailable(
    db: Database, account: Account
) -> None:
    await verifier_of(db, account).verify(KEY.sign(claims()))
    account.unavailable = True

    identity = await verifier_of(db, account).verify(KEY.sign(claims(sub="lee")))

    assert identity.user_id == "lee"
    assert account.requests == 1


async def test_only_public_keys_are_stored(db: Database, verifier: TokenVerifier) -> None:
    await verifier.verify(KEY.sign(claims()))

    async with db.read() as tx:
        (row,) = await tx.rows(select(VERIFICATION_KEY))
    assert row["kid"] == KEY.kid
    assert "d" not in json.loads(row["jwk"])


async def test_a_token_with_a_new_key_makes_the_verifier_fetch_the_keys(
    verifier: TokenVerifier, account: Account
) -> None:
    await verifier.verify(KEY.sign(claims()))
    account.keys.append(OTHER)
    account.now += 31

    identity = await verifier.verify(OTHER.sign(claims()))

    assert identity.user_id == "kim"


async def test_unknown_keys_cause_at_most_one_fetch_in_thirty_seconds(
    verifier: TokenVerifier, account: Account
) -> None:
    await verifier.verify(KEY.sign(claims()))

    for number in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(forged({"alg": "EdDSA", "kid": f"account/x{number}"}))
    assert account.requests == 1

    account.now += 30
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(forged({"alg": "EdDSA", "kid": f"account/y{number}"}))
    assert account.requests == 2


async def test_without_keys_and_issuer_a_token_is_answered_with_unavailable(
    verifier: TokenVerifier, account: Account
) -> None:
    account.unavailable = True

    with pytest.raises(Unavailable) as refused:
        await verifier.verify(KEY.sign(claims()))
    assert refused.value.retry_after is not None

    account.unavailable = False
    account.now += 1
    assert (await verifier.verify(KEY.sign(claims()))).user_id == "kim"


async def test_a_token_with_an_unknown_key_may_be_valid_while_the_issuer_is_unavailable(
    verifier: TokenVerifier, account: Account
) -> None:
    await verifier.verify(KEY.sign(claims()))
    account.unavailable = True
    account.now += 31

    with pytest.raises(Unavailable):
        await verifier.verify(OTHER.sign(claims()))
    assert (await verifier.verify(KEY.sign(claims(sub="lee")))).user_id == "lee"


@pytest.mark.parametrize("body", ["", "null", "{}", '{"keys": []}', '{"keys": [{}]}', "<html>"])
async def test_a_response_without_keys_does_not_replace_the_stored_keys(
    db: Database, account: Account, body: str
) -> None:
    async def broken(_url: str) -> str:
        return body

    await verifier_of(db, account).verify(KEY.sign(claims()))
    after = verifier_with(db, account, broken)

    with pytest.raises(Unavailable):
        await after.verify(OTHER.sign(claims()))
    assert (await after.verify(KEY.sign(claims()))).user_id == "kim"


async def test_a_token_signed_with_a_withdrawn_key_is_refused(
    verifier: TokenVerifier, account: Account
) -> None:
    token = KEY.sign(claims())
    await verifier.verify(token)
    account.keys = [OTHER]
    account.now += 31

    await verifier.verify(OTHER.sign(claims()))

    with pytest.raises(Unauthenticated):
        await verifier.verify(token)
