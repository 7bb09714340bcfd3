"""A token is valid or 401; a forged token is never a 500."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from roadbike.kit.auth import SigningKey, new_signing_key
from roadbike.kit.auth.tokens import TokenVerifier
from roadbike.kit.db import Database, metadata
from roadbike.kit.pure.refusals import TokenExpired, TokenInvalid, Unauthenticated
from tests.kit.tokens import AUDIENCE, ISSUER, KEY, ROLES, FromNow, claims

OTHER = SigningKey.from_jwk(new_signing_key("account/2"))


@pytest.fixture
async def db(sqlite_url: str, open_database: Callable[[str], Database]) -> Database:
    database = open_database(sqlite_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return database


@pytest.fixture
def verifier(db: Database) -> TokenVerifier:
    return verifier_on(db)


def verifier_on(db: Database) -> TokenVerifier:
    """It knows the issuer's key, so it never asks the issuer: nothing answers there."""

    async def fetch(_url: str) -> str:
        raise AssertionError

    return TokenVerifier(
        db,
        "http://account/",
        {KEY.kid: KEY.private.public_key()},
        issuer=ISSUER,
        audience=AUDIENCE,
        roles=ROLES,
        max_lifetime_seconds=600,
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
        {"exp": FromNow(-60)},
        {"nbf": FromNow(600)},
        {"iat": FromNow(600)},
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
        {"iat": FromNow(0), "exp": FromNow(601)},  # a longer life than 600 s
        {"exp": FromNow(10**7)},
        {"iat": 0},
        {"iat": -(10**300)},
        {"iat": float("nan")},
        {"iat": "0"},
    ],
)
async def test_a_signed_token_with_wrong_claims_is_refused(
    verifier: TokenVerifier, changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(KEY.sign(claims(**changes)))


async def test_only_a_token_that_was_valid_is_called_expired(verifier: TokenVerifier) -> None:
    old = claims(iat=FromNow(-120), exp=FromNow(-60))

    with pytest.raises(TokenExpired):
        await verifier.verify(KEY.sign(old))
    with pytest.raises(TokenInvalid):
        await verifier.verify(SigningKey(KEY.kid, OTHER.private).sign(old))


def part(members: Any) -> str:
    text = members if isinstance(members, bytes) else json.dumps(members).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def forged(header: dict[str, Any], signature: bytes = b"") -> str:
    return f"{part(header)}.{part(claims(roles=['admin']))}.{part(signature)}"


def hmac_with_public_key() -> str:
    head = f"{part({'alg': 'HS256', 'kid': KEY.kid})}.{part(claims())}"
    secret = KEY.private.public_key().public_bytes_raw()
    return f"{head}.{part(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


def header(**members: Any) -> Callable[[], str]:
    return lambda: forged({"alg": "EdDSA"} | members)


def joined(*parts: Any) -> Callable[[], str]:
    """A token with these parts; a number stands for a part of a valid one."""

    def token() -> str:
        valid = KEY.sign(claims()).split(".")
        return ".".join(valid[each] if isinstance(each, int) else each for each in parts)

    return token


HEAD, BODY, SIGNATURE = range(3)
FORGERIES: dict[str, Callable[[], str]] = {  # made in the test: else some would have expired
    **{f"alg {alg}": header(alg=alg, kid=KEY.kid) for alg in ("none", "None", "NONE", "")},
    "no alg": lambda: forged({"kid": KEY.kid}),
    "alg a list": header(alg=["EdDSA"], kid=KEY.kid),
    "HMAC with the public key": hmac_with_public_key,
    "signed with another key": lambda: SigningKey(KEY.kid, OTHER.private).sign(claims()),
    "no signature": joined(HEAD, BODY, ""),
    "two parts": joined(HEAD, BODY),
    "truncated": lambda: KEY.sign(claims())[:-9],
    "another body": joined(HEAD, part(claims(sub="admin")), SIGNATURE),
    "own key in the header": header(kid=KEY.kid, jwk=OTHER.public_jwk()),
    "a url of keys in the header": header(kid=KEY.kid, jku="http://evil/keys"),
    "crit": header(kid=KEY.kid, crit=["exp"]),
    "b64": header(kid=KEY.kid, b64=False),
    "kid a number": header(kid=1),
    "kid with a NUL": header(kid="a\x00b"),
    "kid too long": header(kid="k" * 101),
    "no kid": header(),
    "a header that is not an object": joined(part([]), BODY, SIGNATURE),
    "a header that is not JSON": joined(part(b"{"), BODY, SIGNATURE),
    "a header of nested arrays": joined(part(b"[" * 2000), BODY, SIGNATURE),
    "empty": lambda: "",
    "dots": lambda: "...",
    "not ASCII": lambda: "é.é.é",
    "a megabyte": lambda: KEY.sign(claims()) + "x" * 1_000_000,
}


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forged_token_is_refused(verifier: TokenVerifier, token: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token())


async def test_claims_that_are_not_an_object_are_refused(verifier: TokenVerifier) -> None:
    head = f"{part({'alg': 'EdDSA', 'kid': KEY.kid})}.{part([1])}"

    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{head}.{part(KEY.private.sign(head.encode()))}")


async def test_a_token_of_a_known_key_needs_neither_the_issuer_nor_the_database(
    open_database: Callable[[str], Database],
) -> None:
    nowhere = open_database("sqlite+aiosqlite:////nowhere/at/all.db")

    identity = await verifier_on(nowhere).verify(KEY.sign(claims(sub="lee")))

    assert identity.user_id == "lee"


async def test_a_token_at_the_ceiling_of_life_is_accepted(verifier: TokenVerifier) -> None:
    assert await verifier.verify(KEY.sign(claims(iat=FromNow(0), exp=FromNow(600))))
