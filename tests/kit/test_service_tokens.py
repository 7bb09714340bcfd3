"""Services identify themselves to each other with tokens that they sign."""

import json
import time
from hashlib import sha256

import pytest

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.auth.cache import UsedOnce
from roadbike.kit.process.secret import Secret
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


PATH = "/internal/payments/1"
BODY = b'{"price": 5100000}'


def verify(payment: ServiceTokens, token: str, path: str = PATH, body: bytes = BODY) -> str:
    """Check the token as payment does when it receives a PUT."""
    return payment.accept(payment.read(token, "PUT", path), body)


def mint(tokens: ServiceTokens, callee: str = "payment") -> str:
    return tokens.mint(callee, "PUT", PATH, BODY)


def claimed(**changes: object) -> dict[str, object]:
    """Return the claims of a valid token of reservation, with these changes."""
    now = int(time.time())
    usual = {"iss": "reservation", "sub": "reservation", "aud": "payment", "jti": "1"}
    request = {"method": "PUT", "path": PATH, "body": sha256(BODY).hexdigest()}
    return usual | request | {"iat": now, "exp": now + 60} | changes


def test_an_accepted_caller_is_named(reservation: ServiceTokens, payment: ServiceTokens) -> None:
    assert verify(payment, mint(reservation)) == "reservation"
    assert verify(payment, SigningKey.from_jwk(RESERVATION).sign(claimed())) == "reservation"


def test_a_token_for_another_service_is_refused(
    reservation: ServiceTokens, payment: ServiceTokens
) -> None:
    with pytest.raises(Unauthenticated):
        verify(payment, mint(reservation, "stock"))


def test_a_service_that_is_not_an_accepted_caller_is_refused(payment: ServiceTokens) -> None:
    with pytest.raises(Unauthenticated):
        verify(payment, mint(ServiceTokens("stock", STOCK, callers())))


def test_a_caller_cannot_claim_to_be_another(payment: ServiceTokens) -> None:
    key = SigningKey.from_jwk(RESERVATION)

    for change in ({"iss": "stock", "sub": "stock"}, {"iss": "stock"}, {"sub": "stock"}):
        with pytest.raises(Unauthenticated):
            verify(payment, key.sign(claimed(**change)))


def test_an_internal_token_is_valid_for_at_most_a_minute(payment: ServiceTokens) -> None:
    key, now = SigningKey.from_jwk(RESERVATION), int(time.time())

    with pytest.raises(Unauthenticated):
        verify(payment, key.sign(claimed(iat=now, exp=now + 61)))
    with pytest.raises(Unauthenticated):
        verify(payment, key.sign(claimed(iat=now - 70, exp=now - 10)))


def test_a_users_token_is_not_accepted_as_an_internal_one(payment: ServiceTokens) -> None:
    with pytest.raises(Unauthenticated):
        verify(payment, KEY.sign(claims()))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", PATH, b'{"price": 1}'),
        ("PUT", PATH, b""),
        ("PUT", PATH, BODY + b" "),
        ("PUT", "/internal/payments/2", BODY),
        ("PUT", PATH + "?x=1", BODY),
        ("DELETE", PATH, BODY),
    ],
)
def test_a_token_is_for_one_request(
    reservation: ServiceTokens, payment: ServiceTokens, method: str, path: str, body: bytes
) -> None:
    token = mint(reservation)

    with pytest.raises(Unauthenticated):
        payment.accept(payment.read(token, method, path), body)
    assert verify(payment, token) == "reservation"  # the refused one has not used it up


def test_a_token_is_used_once(reservation: ServiceTokens, payment: ServiceTokens) -> None:
    token = mint(reservation)
    verify(payment, token)

    with pytest.raises(Unauthenticated):
        verify(payment, token)
    assert verify(payment, mint(reservation)) == "reservation"


def test_each_call_has_a_token_of_its_own(reservation: ServiceTokens) -> None:
    assert len({mint(reservation) for _ in range(100)}) == 100


@pytest.mark.parametrize("name", ["jti", "method", "path", "body"])
@pytest.mark.parametrize("value", [None, 1, [], "", "x" * 4_000])
def test_a_token_without_a_part_of_its_request_is_refused(
    payment: ServiceTokens, name: str, value: object
) -> None:
    changed = claimed(**{name: value})
    if value is None:
        del changed[name]

    with pytest.raises(Unauthenticated):
        verify(payment, SigningKey.from_jwk(RESERVATION).sign(changed))


@pytest.mark.parametrize("step", [-86_400, -3_600, 3_600, 86_400])
def test_calls_go_on_when_a_clock_that_was_wrong_is_set_right(
    payment: ServiceTokens, step: int
) -> None:
    wrong = step
    reservation = ServiceTokens("reservation", RESERVATION, callers(), lambda: time.time() + wrong)
    with pytest.raises(Unauthenticated):
        verify(payment, mint(reservation))
    wrong = 0

    assert verify(payment, mint(reservation)) == "reservation"


def test_used_ids_are_forgotten_when_their_tokens_have_expired() -> None:
    now = 100.0
    used = UsedOnce(60, clock=lambda: now)
    for number in range(50):
        assert used.use(f"a{number}")
    now = 159.0
    assert not used.use("a1")
    assert used.use("b")

    now = 160.0

    assert used.use("a1")
    assert len(used) == 2


def test_a_key_is_read_from_a_secret_setting() -> None:
    assert SigningKey.from_jwk(Secret(STOCK).reveal()).kid == "stock/1"
