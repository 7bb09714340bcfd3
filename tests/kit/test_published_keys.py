"""Keys from the network are only added, and only when a trusted key has signed them."""

import json
import time
from collections.abc import Callable

import pytest
from sqlalchemy import select

from roadbike.kit.auth import KeyFault, Publisher, SigningKey
from roadbike.kit.auth.published import read_published
from roadbike.kit.auth.store import VERIFICATION_KEY
from roadbike.kit.auth.tokens import TokenVerifier
from roadbike.kit.db import Database, metadata
from roadbike.kit.pure.refusals import Unauthenticated, Unavailable
from tests.kit.issuer import (
    LONG_AGO,
    NEXT,
    SQUATTERS,
    THIRD,
    TRUSTED,
    Issuer,
    changed,
    document,
    plain,
    signed_by,
)
from tests.kit.tokens import AUDIENCE, ISSUER, KEY, ROLES, FromNow, claims


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def db(sqlite_url: str, open_database: Callable[[str], Database]) -> Database:
    database = open_database(sqlite_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return database


@pytest.fixture
def new_verifier(db: Database, issuer: Issuer) -> Callable[[], TokenVerifier]:
    """A verifier as after a start of the service, with account's first key as a file."""

    def make() -> TokenVerifier:
        return TokenVerifier(
            db,
            "http://account/",
            TRUSTED,
            issuer=ISSUER,
            audience=AUDIENCE,
            roles=ROLES,
            max_lifetime_seconds=600,
            clock=issuer.clock,
            fetch=issuer.fetch,
        )

    return make


@pytest.fixture
def verifier(new_verifier: Callable[[], TokenVerifier]) -> TokenVerifier:
    return new_verifier()


async def user_of(verifier: TokenVerifier, key: SigningKey, **changes: object) -> str:
    return (await verifier.verify(key.sign(claims(**changes)))).user_id


async def test_a_new_key_is_added_when_a_known_key_has_signed_it(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.shows = document(NEXT, KEY)

    assert await user_of(verifier, NEXT) == "kim"
    assert issuer.requests == 1


async def test_keys_may_change_twice_without_a_restart(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.shows = document(NEXT, KEY)
    await user_of(verifier, NEXT)
    issuer.shows = document(THIRD, NEXT)  # KEY is gone: only NEXT confirms the third
    issuer.now += 30

    assert await user_of(verifier, THIRD) == "kim"


async def test_a_learned_key_is_known_after_a_restart_while_the_issuer_is_unavailable(
    new_verifier: Callable[[], TokenVerifier], issuer: Issuer
) -> None:
    issuer.shows = document(NEXT, KEY)
    await user_of(new_verifier(), NEXT)
    issuer.shows = None

    assert await user_of(new_verifier(), NEXT, sub="lee") == "lee"
    assert issuer.requests == 1


async def test_only_learned_keys_are_stored_and_only_their_public_halves(
    db: Database, verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.shows = document(NEXT, KEY)
    await user_of(verifier, NEXT)

    async with db.read() as tx:
        (row,) = await tx.rows(select(VERIFICATION_KEY))
    assert row["kid"] == NEXT.kid
    assert "d" not in json.loads(row["jwk"])


NOT_BELIEVED: dict[str, Callable[[], str]] = {  # made in the test: else some would be too old
    "its own keys, signed by itself": lambda: document(SQUATTERS),
    "its own keys beside the genuine one": lambda: document(SQUATTERS).replace(
        SQUATTERS.kid, KEY.kid
    ),
    "a JWKS without signatures": lambda: plain(SQUATTERS, KEY),
    "a JWKS alone": lambda: json.dumps({"keys": [SQUATTERS.public_jwk()]}),
    "its key in a document that was signed": lambda: changed(document(KEY)),
    "an access token of the genuine key": lambda: signed_by(KEY, aud=AUDIENCE),
    "of another issuer": lambda: signed_by(KEY, iss="somebody"),
    "signed long ago": lambda: document(KEY, SQUATTERS, made=LONG_AGO),
    "with a long life": lambda: signed_by(KEY, exp=FromNow(10**7)),
    "signed keys that are none": lambda: signed_by(KEY, keys=[{}]),
    "no keys": lambda: signed_by(KEY, keys=None),
    "signatures that are none": lambda: json.dumps({"signed": [None, 1, "", "a.b.c", {}]}),
    "signed is no list": lambda: json.dumps({"signed": document(KEY)}),
    "too long": lambda: document(KEY, SQUATTERS) + " " * 70_000,
    "nested": lambda: "[" * 60_000,
    "nothing": str,
    "null": lambda: "null",
    "an object": lambda: "{}",
    "a list": lambda: "[]",
    "a page": lambda: "<html>",
}


@pytest.mark.parametrize("shown", NOT_BELIEVED.values(), ids=NOT_BELIEVED.keys())
async def test_a_program_at_the_issuers_address_is_not_believed(
    verifier: TokenVerifier, db: Database, issuer: Issuer, shown: Callable[[], str]
) -> None:
    issuer.shows = shown()

    with pytest.raises(Unavailable):
        await user_of(verifier, SQUATTERS, roles=["admin"])

    assert issuer.requests == 1
    assert await user_of(verifier, KEY) == "kim"  # true tokens still count
    with pytest.raises(Unauthenticated):  # and its key does not count under the kid of theirs
        await user_of(verifier, SigningKey(KEY.kid, SQUATTERS.private))
    async with db.read() as tx:
        assert await tx.rows(select(VERIFICATION_KEY)) == []


async def test_a_fetch_replaces_and_removes_no_key(
    new_verifier: Callable[[], TokenVerifier], issuer: Issuer
) -> None:
    first = new_verifier()
    issuer.shows = document(NEXT, KEY)
    await user_of(first, NEXT)
    issuer.shows = document(THIRD, SigningKey(NEXT.kid, SQUATTERS.private), KEY)
    issuer.now += 30
    await user_of(first, THIRD)

    for verifier in (first, new_verifier()):
        for key in (KEY, NEXT, THIRD):
            assert await user_of(verifier, key, sub="lee") == "lee"


async def test_unknown_keys_cause_at_most_one_fetch_in_thirty_seconds(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    for fetches in (1, 2):
        for number in range(50):
            unknown = SigningKey(f"account/{fetches}x{number}", SQUATTERS.private)
            with pytest.raises(Unavailable):
                await user_of(verifier, unknown)
        assert issuer.requests == fetches
        issuer.now += 30


@pytest.mark.parametrize(
    "changes", [{"exp": LONG_AGO}, {"aud": "bank"}, {"iss": "x"}, {"exp": FromNow(10**7)}]
)
async def test_a_token_that_no_key_makes_valid_causes_no_fetch(
    verifier: TokenVerifier, issuer: Issuer, changes: dict[str, object]
) -> None:
    with pytest.raises(Unauthenticated):
        await user_of(verifier, NEXT, **changes)

    assert issuer.requests == 0


async def test_a_new_key_that_one_replica_does_not_show_yet_is_503_and_then_accepted(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    for at in (0, 1, 10, 29):
        issuer.now = 1000.0 + at
        with pytest.raises(Unavailable) as refused:
            await user_of(verifier, NEXT)
        assert refused.value.retry_after == 30 - at

    issuer.shows = document(NEXT, KEY)
    issuer.now = 1031.0
    assert await user_of(verifier, NEXT) == "kim"


async def test_a_key_that_was_published_before_it_signs_is_known_whatever_strangers_send(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    """Made-up keys keep the pause between two fetches, but each fetch brings the next key."""
    issuer.shows = document(KEY, NEXT)
    unknown = SigningKey("account/x", SQUATTERS.private)
    with pytest.raises(Unavailable):
        await user_of(verifier, unknown)

    assert await user_of(verifier, NEXT) == "kim"
    assert issuer.requests == 1


async def test_an_unknown_key_is_401_when_the_issuer_has_published_without_it_since(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.shows = document(KEY)
    old = int(time.time()) - 90

    with pytest.raises(Unauthenticated):
        await user_of(verifier, NEXT, iat=old)
    with pytest.raises(Unavailable):
        await user_of(verifier, NEXT)


async def test_while_the_issuer_is_unavailable_an_unknown_key_is_503(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.shows = None

    for changes in ({}, {"iat": int(time.time()) - 90}):
        with pytest.raises(Unavailable):
            await user_of(verifier, NEXT, **changes)
    assert await user_of(verifier, KEY) == "kim"


async def test_an_unknown_key_is_503_without_the_database(
    issuer: Issuer, open_database: Callable[[str], Database]
) -> None:
    nowhere = open_database("sqlite+aiosqlite:////nowhere/at/all.db")
    verifier = TokenVerifier(
        nowhere,
        "http://account",
        TRUSTED,
        issuer=ISSUER,
        audience=AUDIENCE,
        roles=ROLES,
        max_lifetime_seconds=600,
        fetch=issuer.fetch,
    )

    with pytest.raises(Unavailable):
        await user_of(verifier, NEXT)


def test_a_key_is_published_before_it_signs() -> None:
    published = read_published(document(KEY, NEXT), TRUSTED, ISSUER)

    assert published.keys.keys() == {KEY.kid, NEXT.kid}


def test_the_signing_key_is_published_once_even_when_it_is_among_the_others() -> None:
    shown = json.loads(document(KEY, KEY))

    assert [key["kid"] for key in shown["keys"]] == [KEY.kid]


def test_a_publisher_refuses_keys_that_cannot_be_read() -> None:
    with pytest.raises(KeyFault):
        Publisher(ISSUER, KEY, '{"keys": [{"kid": "x"}]}')
