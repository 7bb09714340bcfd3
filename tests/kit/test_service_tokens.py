"""Services know each other by tokens that they sign themselves."""

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


def test_a_service_knows_its_callers(reservation: ServiceTokens, payment: ServiceTokens) -> None:
    assert payment.verify(reservation.mint("payment")) == "reservation"


def test_a_token_for_another_service_is_refused(
    reservation: ServiceTokens, payment: ServiceTokens
) -> None:
    with pytest.raises(Unauthenticated):
        payment.verify(reservation.mint("stock"))


def test_a_service_that_is_no_caller_is_refused(payment: ServiceTokens) -> None:
    with pytest.raises(Unauthenticated):
        payment.verify(ServiceTokens("stock", STOCK, callers()).mint("payment"))


def test_a_caller_does_not_speak_for_another(payment: ServiceTokens) -> None:
    key = SigningKey.from_jwk(RESERVATION)
    now = int(time.time())
    told = {"iss": "stock", "sub": "stock", "aud": "payment", "iat": now, "exp": now + 60}

    for change in ({}, {"iss": "reservation"}, {"sub": "reservation"}):
        with pytest.raises(Unauthenticated):
            payment.verify(key.sign(told | change))


def test_internal_tokens_are_short(payment: ServiceTokens) -> None:
    key = SigningKey.from_jwk(RESERVATION)
    now = int(time.time())
    told = {"iss": "reservation", "sub": "reservation", "aud": "payment", "iat": now}

    with pytest.raises(Unauthenticated):
        payment.verify(key.sign(told | {"exp": now + 61}))
    with pytest.raises(Unauthenticated):
        payment.verify(key.sign(told | {"iat": now - 70, "exp": now - 10}))


def test_a_persons_token_is_no_internal_one(payment: ServiceTokens) -> None:
    with pytest.raises(Unauthenticated):
        payment.verify(KEY.sign(claims()))


def test_a_token_is_made_anew_at_half_its_life() -> None:
    now = time.time()
    tokens = ServiceTokens("stock", STOCK, callers(), clock=lambda: now)

    first = tokens.mint("payment")
    now += 29
    assert tokens.mint("payment") == first
    assert tokens.mint("reservation") != first
    now += 1
    assert tokens.mint("payment") != first


def test_a_secret_setting_is_read_as_text() -> None:
    assert SigningKey.from_jwk(Secret(STOCK).reveal()).kid == "stock/1"
