"""A token holds or it is 401; when that cannot be told it is 503; nothing forged is ever 500."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from roadbike.kit.auth import (
    VERIFICATION_KEY,
    KeyFault,
    SigningKey,
    TokenVerifier,
    new_signing_key,
    public_keys,
)
from roadbike.kit.auth.cache import Remembered
from roadbike.kit.db import Database, metadata
from roadbike.kit.pure.refusals import Unauthenticated, Unavailable
from tests.kit.tokens import KEY, claims

OTHER = SigningKey.from_jwk(new_signing_key("account/2"))


class Account:
    """What stands behind account's JWKS: counts who asks, may be away."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.away = False
        self.now = 1000.0

    async def fetch(self, url: str) -> str:
        assert url == "http://account/.well-known/jwks.json"
        self.asked += 1
        if self.away:
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
    return TokenVerifier(db, "http://account/", clock=account.clock, fetch=account.fetch)


async def test_a_good_token_tells_who_it_is(verifier: TokenVerifier) -> None:
    identity = await verifier.verify(KEY.sign(claims(roles=["buyer", "admin", "king"])))

    assert identity.user_id == "kim"
    assert identity.roles == {"buyer", "admin"}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "bank"},
        {"aud": ["shop", "bank"]},
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
    "another key": OTHER.sign(claims()),
    "signed by another": SigningKey(KEY.kid, OTHER.private).sign(claims()),
    "no signature": f"{HEAD}.{BODY}.",
    "two parts": f"{HEAD}.{BODY}",
    "truncated": GOOD[:-9],
    "another body": f"{HEAD}.{part(claims(sub='admin'))}.{SIGNATURE}",
    "own key in the header": forged({"alg": "EdDSA", "kid": KEY.kid, "jwk": OTHER.public_jwk()}),
    "a url of keys": forged({"alg": "EdDSA", "kid": KEY.kid, "jku": "http://evil/keys"}),
    "crit": forged({"alg": "EdDSA", "kid": KEY.kid, "crit": ["exp"]}),
    "b64": forged({"alg": "EdDSA", "kid": KEY.kid, "b64": False}),
    "kid a path": forged({"alg": "EdDSA", "kid": "../../etc/passwd"}),
    "kid a number": forged({"alg": "EdDSA", "kid": 1}),
    "kid with a NUL": forged({"alg": "EdDSA", "kid": "a\x00b"}),
    "kid too long": forged({"alg": "EdDSA", "kid": "k" * 101}),
    "no kid": forged({"alg": "EdDSA"}),
    "header no object": f"{part([])}.{BODY}.{SIGNATURE}",
    "header no JSON": f"{part(b'{')}.{BODY}.{SIGNATURE}",
    "header of deep arrays": f"{part(b'[' * 2000)}.{BODY}.{SIGNATURE}",
    "nothing": "",
    "dots": "...",
    "not ASCII": "é.é.é",
    "a megabyte": GOOD + "x" * 1_000_000,
}


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forged_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_a_body_that_is_no_object_is_refused(verifier: TokenVerifier) -> None:
    head = f"{part({'alg': 'EdDSA', 'kid': KEY.kid})}.{part([1])}"

    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{head}.{part(KEY.private.sign(head.encode()))}")


async def test_keys_outlive_account_and_a_restart(db: Database, account: Account) -> None:
    await verifier_of(db, account).verify(KEY.sign(claims()))
    account.away = True

    identity = await verifier_of(db, account).verify(KEY.sign(claims(sub="lee")))

    assert identity.user_id == "lee"
    assert account.asked == 1


async def test_only_public_keys_are_kept(db: Database, verifier: TokenVerifier) -> None:
    await verifier.verify(KEY.sign(claims()))

    async with db.read() as tx:
        (row,) = await tx.rows(select(VERIFICATION_KEY))
    assert row["kid"] == KEY.kid
    assert "d" not in json.loads(row["jwk"])


async def test_a_new_key_is_fetched(verifier: TokenVerifier, account: Account) -> None:
    await verifier.verify(KEY.sign(claims()))
    account.keys.append(OTHER)
    account.now += 31

    identity = await verifier.verify(OTHER.sign(claims()))

    assert identity.user_id == "kim"


async def test_unknown_keys_are_asked_for_at_most_every_thirty_seconds(
    verifier: TokenVerifier, account: Account
) -> None:
    await verifier.verify(KEY.sign(claims()))

    for number in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(forged({"alg": "EdDSA", "kid": f"account/x{number}"}))
    assert account.asked == 1

    account.now += 30
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(forged({"alg": "EdDSA", "kid": f"account/y{number}"}))
    assert account.asked == 2


async def test_without_account_and_keys_nobody_can_be_judged(
    verifier: TokenVerifier, account: Account
) -> None:
    account.away = True

    with pytest.raises(Unavailable) as refused:
        await verifier.verify(KEY.sign(claims()))
    assert refused.value.retry_after is not None

    account.away = False
    account.now += 1
    assert (await verifier.verify(KEY.sign(claims()))).user_id == "kim"


async def test_an_unknown_key_while_account_is_away_may_be_a_good_one(
    verifier: TokenVerifier, account: Account
) -> None:
    await verifier.verify(KEY.sign(claims()))
    account.away = True
    account.now += 31

    with pytest.raises(Unavailable):
        await verifier.verify(OTHER.sign(claims()))
    assert (await verifier.verify(KEY.sign(claims(sub="lee")))).user_id == "lee"


@pytest.mark.parametrize("answer", ["", "null", "{}", '{"keys": []}', '{"keys": [{}]}', "<html>"])
async def test_an_answer_that_is_no_keys_replaces_none(
    db: Database, account: Account, answer: str
) -> None:
    async def broken(_url: str) -> str:
        return answer

    await verifier_of(db, account).verify(KEY.sign(claims()))
    after = TokenVerifier(db, "http://account", clock=account.clock, fetch=broken)

    with pytest.raises(Unavailable):
        await after.verify(OTHER.sign(claims()))
    assert (await after.verify(KEY.sign(claims()))).user_id == "kim"


async def test_a_withdrawn_key_is_void(verifier: TokenVerifier, account: Account) -> None:
    token = KEY.sign(claims())
    await verifier.verify(token)
    account.keys = [OTHER]
    account.now += 31

    await verifier.verify(OTHER.sign(claims()))

    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


def test_a_token_that_was_checked_still_expires() -> None:
    now = 100.0
    known: Remembered[str] = Remembered(clock=lambda: now)
    known.put("token", "kim", until=160)

    assert known.get("token") == "kim"
    now = 160.0
    assert known.get("token") is None


@pytest.mark.parametrize(
    "text",
    [
        "secret-text",
        "[]",
        '{"kty": "oct", "k": "secret-text", "kid": "a"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": "secret-text", "kid": "a"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": 1, "kid": "a"}',
    ],
)
def test_a_broken_key_is_named_but_never_shown(text: str) -> None:
    for read in (SigningKey.from_jwk, lambda t: public_keys(f'{{"keys": [{t}]}}')):
        with pytest.raises(KeyFault) as fault:
            read(text)
        assert "secret-text" not in str(fault.value)


def test_a_public_key_signs_nothing() -> None:
    with pytest.raises(KeyFault):
        SigningKey.from_jwk(json.dumps(KEY.public_jwk()))
