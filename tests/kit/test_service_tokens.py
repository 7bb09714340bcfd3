"""Services identify themselves to each other with tokens that they sign."""

import json
import time

import pytest

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.process.settings import Secret
from roadbike.kit.pure.refusals import Unauthenticated
from tests.kit.tokens import KEY, claims

STOCK = new_signing_key("stock/1")
RESERVATION = new_signing_key("reservation/1")


def callers(*keys: str) -> str:
    return json.dumps({"keys": [SigningKey.from_jwk(key).public_jwk() for key in keys]})


@pytest.fixture
def reservation() -> ServiceTokens:
    return ServiceTokens("reservation", RESERVATION, callers())


@pytest.fixture
def payment() -> ServiceTokens:
    return ServiceTokens("payment", new_signing_key("payment/1"), callers(RESERVATION))


def test_an_accepted_caller_is_named(reservation: ServiceTokens, payment: ServiceTokens) -> None:
    assert payment.verify(reservation.mint("payment")) == "reservation"


def test_a_token_for_another_service_is_refused(
    reservation: ServiceTokens, payment: ServiceTokens
) -> None:
    with pytest.raises(Unauthenticated):
        payment.verify(reservation.mint("stock"))


def test_a_service_that_is_not_an_accepted_caller_is_refused(payment: ServiceTokens) -> None:
    with pytest.raises(Unauthenticated):
        payment.verify(ServiceTokens("stock", STOCK, callers()).mint("payment"))


def test_a_caller_cannot_claim_to_be_another(payment: ServiceTokens) -> None:
    key = SigningKey.from_jwk(RESERVATION)
    now = int(time.time())
    claimed = {"iss": "stock", "sub": "stock", "aud": "payment", "iat": now, "exp": now + 60}

    for change in ({}, {"iss": "reservation"}, {"sub": "reservation"}):
        with pytest.raises(Unauthenticated):
            payment.verify(key.sign(claimed | change))


def test_an_internal_token_is_valid_for_at_most_a_minute(payment: ServiceTokens) -> None:
    key = SigningKey.from_jwk(RESERVATION)
    now = int(time.time())
    claimed = {"iss": "reservation", "sub": "reservation", "aud": "payment", "iat": now}

    with pytest.raises(Unauthenticated):
        payment.verify(key.sign(claimed | {"exp": now + 61}))
    with pytest.raises(Unauthenticated):
        payment.verify(key.sign(claimed | {"iat": now - 70, "exp": now - 10}))


def test_a_users_token_is_not_accepted_as_an_internal_one(payment: ServiceTokens) -> None:
    with pytest.raises(Unauthenticated):
        payment.verify(KEY.sign(claims()))


def test_a_new_token_is_signed_after_half_the_lifetime() -> None:
    now = time.time()
    tokens = ServiceTokens("stock", STOCK, callers(), clock=lambda: now)

    first = tokens.mint("payment")
    now += 29
    assert tokens.mint("payment") == first
    assert tokens.mint("reservation") != first
    now += 1
    assert tokens.mint("payment") != first


def test_a_key_is_read_from_a_secret_setting() -> None:
    assert SigningKey.from_jwk(Secret(STOCK).reveal()).kid == "stock/1"
