"""A clock that is set back or forward makes no token invalid that was valid before."""

from dataclasses import dataclass
from typing import Any

import pytest

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.auth.clock import TokenClock
from roadbike.kit.auth.keys import TokenRules, claims_of
from roadbike.kit.auth.tokens import TokenVerifier
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import Unauthenticated
from tests.kit.tokens import AUDIENCE, ISSUER, KEY, ROLES

HOUR, DAY = 3600, 86_400
STEPS = [HOUR, -HOUR, DAY, -DAY]
LIFE = 600
NOW = 1_800_000_000.0


@dataclass
class Machine:
    """The two clocks of a machine; time passes for both, but only one can be set."""

    wall: float = NOW
    steady: float = 50.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def clock(self) -> TokenClock:
        return TokenClock(lambda: self.wall, lambda: self.steady, life_seconds=LIFE)

    def token(self, **changes: Any) -> str:
        now = int(self.wall)
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "iat": now, "exp": now + LIFE}
        return KEY.sign(usual | {"roles": ["buyer"]} | changes)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def rules(machine: Machine) -> TokenRules:
    return TokenRules(
        audience=AUDIENCE, issuer=ISSUER, max_lifetime_seconds=LIFE, clock=machine.clock()
    )


def is_valid(token: str, rules: TokenRules) -> bool:
    try:
        claims_of(token, KEY.private.public_key(), rules)
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize("step", STEPS)
def test_tokens_of_before_and_after_a_step_are_valid_until_they_expire(
    machine: Machine, rules: TokenRules, step: float
) -> None:
    before = machine.token()
    machine.passes(100)

    machine.wall += step
    after = machine.token()

    assert is_valid(before, rules)
    assert is_valid(after, rules)
    machine.passes(LIFE - 101)
    assert is_valid(before, rules)
    assert is_valid(after, rules)
    machine.passes(5)
    assert not is_valid(before, rules)
    assert is_valid(after, rules)
    machine.passes(100)
    assert not is_valid(after, rules)


def test_two_steps_in_a_row_refuse_nothing(machine: Machine, rules: TokenRules) -> None:
    tokens = [machine.token()]
    for step in (DAY, -DAY - HOUR):
        machine.wall += step
        tokens.append(machine.token())
        assert all(is_valid(token, rules) for token in tokens)


@pytest.mark.parametrize("step", STEPS)
def test_without_a_step_such_tokens_are_refused(
    machine: Machine, rules: TokenRules, step: float
) -> None:
    now = int(machine.wall + step)

    assert not is_valid(machine.token(iat=now, exp=now + LIFE), rules)


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", ["1", True, None, [], float("1e308"), float("nan")])
def test_a_time_that_is_not_a_number_is_refused(
    machine: Machine, rules: TokenRules, name: str, value: object
) -> None:
    assert not is_valid(machine.token(**{name: value}), rules)


def test_a_token_is_refused_before_its_nbf(machine: Machine, rules: TokenRules) -> None:
    token = machine.token(nbf=int(machine.wall) + 10)

    assert not is_valid(token, rules)
    machine.passes(10)
    assert is_valid(token, rules)


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize("step", STEPS)
async def test_users_stay_logged_in_through_a_step(
    db: Database, machine: Machine, step: float
) -> None:
    verifier = TokenVerifier(
        db,
        "http://account.invalid",
        {KEY.kid: KEY.private.public_key()},
        issuer=ISSUER,
        audience=AUDIENCE,
        roles=ROLES,
        max_lifetime_seconds=LIFE,
        time_of_tokens=machine.clock(),
    )
    seen, unseen = machine.token(), machine.token(sub="lee")
    await verifier.verify(seen)

    machine.wall += step

    assert (await verifier.verify(seen)).user_id == "kim"
    assert (await verifier.verify(unseen)).user_id == "lee"


@pytest.mark.parametrize("step", STEPS)
def test_a_call_that_is_on_its_way_during_a_step_is_accepted(machine: Machine, step: float) -> None:
    key = new_signing_key("reservation/1")
    known = f'{{"keys": [{SigningKey.from_jwk(key).public_jwk()}]}}'.replace("'", '"')
    reservation = ServiceTokens("reservation", key, '{"keys": []}', clock=lambda: machine.wall)
    payment = ServiceTokens(
        "payment", new_signing_key("payment/1"), known, clock=lambda: machine.wall
    )
    token = reservation.mint("payment", "PUT", "/internal/payments/1")

    machine.wall += step

    call = payment.read(token, "PUT", "/internal/payments/1")
    assert payment.accept(call, b"") == "reservation"
