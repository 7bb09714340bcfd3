"""Requests per user and per address are limited, in bounded memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.pure.refusals import TooMany
from roadbike.kit.translations import load_translations
from roadbike.kit.web import http_app, rates
from roadbike.kit.web.rates import NANOSECONDS, RateLimit
from tests.kit.web.conftest import State
from tests.kit.web.known_tokens import KnownTokens

PER_MINUTE = 3


@dataclass
class Clock:
    """Monotonic nanoseconds that a test moves."""

    now: int = 5 * NANOSECONDS

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * NANOSECONDS)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(limit: RateLimit, name: str, times: int) -> int:
    """Return how many of so many requests are allowed."""
    allowed = 0
    for _ in range(times):
        try:
            limit.take(name)
        except TooMany:
            continue
        allowed += 1
    return allowed


@pytest.mark.parametrize("limit", [1, 3, 7, 60, 997])
def test_exactly_the_limit_is_allowed_at_once(clock: Clock, limit: int) -> None:
    assert taken(RateLimit(limit, 60, clock), "kim", 2 * limit) == limit


def test_allowed_ones_come_back_evenly_and_refused_ones_cost_nothing(clock: Clock) -> None:
    limit = RateLimit(3, 60, clock)
    assert taken(limit, "kim", 100) == 3

    clock.pass_seconds(19)
    with pytest.raises(TooMany) as refused:
        limit.take("kim")
    assert refused.value.retry_after == 1

    clock.pass_seconds(1)
    assert taken(limit, "kim", 10) == 1
    clock.pass_seconds(3600)
    assert taken(limit, "kim", 10) == 3


def test_each_name_has_its_own_count(clock: Clock) -> None:
    limit = RateLimit(2, 60, clock)

    assert [taken(limit, name, 5) for name in ("kim", "lee")] == [2, 2]


def test_zero_is_no_limit_and_keeps_nothing(clock: Clock) -> None:
    limit = RateLimit(0, 60, clock)

    assert taken(limit, "kim", 1_000) == 1_000
    assert len(limit) == 0


def test_the_names_that_were_not_seen_for_longest_are_forgotten(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "MAX_NAMES", 3)
    limit = RateLimit(1, 60, clock)

    for name in ("a", "b", "c", "a", "d"):  # "a" is refused the second time, but seen
        taken(limit, name, 1)

    assert len(limit) == 3
    assert [taken(limit, name, 1) for name in ("a", "c", "d")] == [0, 0, 0]
    assert taken(limit, "b", 1) == 1


@pytest.fixture
async def limited() -> AsyncIterator[Any]:
    """A function that sends requests to an app with a limit of writes."""
    state = State()
    app: Any = http_app(
        title="thing",
        routes=state.api.routes(),
        tokens=KnownTokens(),
        services=ServiceTokens("thing", new_signing_key("thing/1"), '{"keys": []}'),
        translations=load_translations("roadbike.kit"),
        status=state.status,
        ready=lambda: True,
        writes_per_minute=PER_MINUTE,
    )
    async with AsyncTestClient(app) as client:

        async def send(what: str, token: str, content: bytes = b"") -> Any:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            return await client.request(*what.split(" "), content=content, headers=headers)

        yield send


async def test_a_buyer_who_writes_too_often_waits_and_may_still_read(limited: Any) -> None:
    statuses = [(await limited("PUT /things/1", "buyer")).status_code for _ in range(5)]
    refused = await limited("PUT /things/1", "buyer")
    read = await limited("GET /things/1", "buyer")

    assert statuses == [200] * PER_MINUTE + [429] * 2
    assert refused.json()["type"] == "/problems/too-many-requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert read.status_code == 200


async def test_a_refused_one_counts_for_its_sender_only(limited: Any) -> None:
    """No token, no count: a stranger cannot use up what a buyer may do."""
    for _ in range(10):
        assert (await limited("PUT /things/1", "forged")).status_code == 401

    assert (await limited("PUT /things/1", "buyer")).status_code == 200


async def test_staff_are_not_limited(limited: Any) -> None:
    statuses = {(await limited("PUT /things/1", "admin")).status_code for _ in range(20)}

    assert statuses == {200}
