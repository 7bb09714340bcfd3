"""Sign-ups have threads of their own and a limit per address: here 2 an hour."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
from argon2 import PasswordHasher

from roadbike.account import app
from roadbike.account.passwords import SIGN_UP_THREADS, SIGN_UPS_WAITING
from tests.account.conftest import Ask, app_of, asking

PER_HOUR: Final = 2
RARE: Final = "correct horse"


@pytest.fixture
async def limited(account_url: str, settings: Callable[..., app.Settings]) -> AsyncIterator[Ask]:
    """Sends requests to the app with ROADBIKE_SIGN_UPS_PER_HOUR=2."""
    service = app.build(settings(account_url, sign_ups_per_hour=PER_HOUR))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        yield asking(await stack.enter_async_context(app_of(service)))


def body(user_id: str) -> dict[str, str]:
    return {"userId": user_id, "password": RARE, "userNm": "Kim"}


async def test_one_address_signs_up_so_often_an_hour_and_others_are_not_affected(
    limited: Ask,
) -> None:
    tried = [
        await limited("POST /accounts", body(user_id), address="10.0.0.1")
        for user_id in ("kim1", "kim1", "kim2")
    ]
    other = await limited("POST /accounts", body("kim3"), address="10.0.0.2")

    assert [answer.status_code for answer in tried] == [201, 409, 429]  # a taken id counts, too
    assert 1 <= int(tried[-1].headers["retry-after"]) <= 3600 / PER_HOUR
    assert other.status_code == 201


async def test_an_address_is_believed_from_the_gateway_only(limited: Ask) -> None:
    statuses = [
        (
            await limited(
                "POST /accounts", body(f"kim{n}"), address=f"10.0.0.{n}", X_Gateway_Key="a guess"
            )
        ).status_code
        for n in range(3)
    ]

    assert statuses == [201, 201, 429]


async def test_log_ins_do_not_wait_for_sign_ups(
    ask: Ask, sign_up: Any, log_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More sign-ups than their queue takes: some are refused, and log-ins go on beside them."""
    await sign_up()
    places = SIGN_UP_THREADS + SIGN_UPS_WAITING
    may_hash, hash_ = threading.Event(), PasswordHasher.hash

    def held(hasher: PasswordHasher, password: str) -> str:
        assert may_hash.wait(60)
        return hash_(hasher, password)

    monkeypatch.setattr(PasswordHasher, "hash", held)
    rush = [asyncio.create_task(ask("POST /accounts", body(f"u{n}"))) for n in range(3 * places)]

    log_ins = [await log_in() for _ in range(3)]
    may_hash.set()
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*rush))

    assert [answer.status_code for answer in log_ins] == [200] * 3
    assert statuses == {201: places, 503: 2 * places}


@pytest.mark.parametrize(
    ("env", "chosen", "limit"),
    [("local", None, 0), ("production", None, 30), ("production", 0, 0), ("local", 7, 7)],
)
def test_the_limit_is_off_on_one_machine_and_on_in_production(
    settings: Callable[..., app.Settings], env: str, chosen: int | None, limit: int
) -> None:
    chosen_settings = settings("sqlite+aiosqlite://", env=env, sign_ups_per_hour=chosen)

    assert chosen_settings.limit(chosen, app.SIGN_UPS_PER_HOUR) == limit
