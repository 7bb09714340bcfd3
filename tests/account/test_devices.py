"""A device that has logged in before is not locked out by the failed log-ins of strangers."""

import asyncio
from contextlib import ExitStack
from typing import Any, Final

import httpx
import pytest

from roadbike.account import app
from roadbike.account.api import DeviceCookie
from roadbike.account.devices import ID_LENGTH, Devices
from roadbike.account.passwords import MAX_WAITING, RESERVED_TURNS, THREADS, Passwords
from roadbike.kit.auth import SigningKey, new_signing_key
from roadbike.kit.process.service import Service
from roadbike.kit.pure.refusals import Overloaded

HERE: Final = "10.0.0.1"
KEY: Final = SigningKey.from_jwk(new_signing_key("account/1"))
OTHER_KEY: Final = SigningKey.from_jwk(new_signing_key("account/2"))


async def fail(log_in: Any, times: int, address: str = HERE, **more: str) -> list[int]:
    answers = [await log_in("kim", "wrong horse", address, **more) for _ in range(times)]
    return [answer.status_code for answer in answers]


@pytest.fixture
async def device_token(sign_up: Any, log_in: Any) -> str:
    """Kim's, from the first log-in."""
    await sign_up()
    return str((await log_in()).json()["deviceToken"])


async def test_strangers_lock_out_each_other_but_not_the_owner(
    log_in: Any, device_token: str
) -> None:
    assert await fail(log_in, 4) == [401, 401, 401, 429]
    assert (await log_in(address="10.0.0.2")).status_code == 429

    owner = await log_in(address="10.0.0.2", X_Device_Token=device_token)
    at_the_strangers_address = await log_in(address=HERE, X_Device_Token=device_token)

    assert owner.status_code == at_the_strangers_address.status_code == 200
    assert owner.json()["deviceToken"] == device_token


async def test_a_browser_sends_it_as_a_cookie(
    log_in: Any, client: httpx.AsyncClient, device_token: str
) -> None:
    kept = f"roadbike-device={client.cookies['roadbike-device']}"
    await fail(log_in, 4)
    assert (await log_in()).status_code == 429

    answer = await log_in(Cookie=f"other=1; {kept}")

    assert kept == f"roadbike-device={device_token}"
    assert answer.status_code == 200


async def test_a_known_device_is_limited_too_and_for_itself_only(
    log_in: Any, device_token: str
) -> None:
    other = (await log_in(address="10.0.0.3")).json()["deviceToken"]
    assert other != device_token

    statuses = await fail(log_in, 4, X_Device_Token=device_token)

    assert statuses == [401, 401, 401, 429]
    assert (await log_in(X_Device_Token=device_token)).status_code == 429
    assert (await log_in(X_Device_Token=other)).status_code == 200
    assert (await log_in(address=HERE)).status_code == 200  # nobody else's count has grown


async def test_a_token_of_another_user_or_a_forged_one_is_no_help(
    sign_up: Any, log_in: Any, device_token: str
) -> None:
    await sign_up("lee")
    of_lee = (await log_in("lee")).json()["deviceToken"]
    forged = f"{device_token[:ID_LENGTH]}.{of_lee.partition('.')[2]}"
    await fail(log_in, 4)

    answers = [await log_in(X_Device_Token=one) for one in (of_lee, forged, "", "x" * 9_000)]

    assert [answer.status_code for answer in answers] == [429] * 4


async def test_a_device_token_is_no_access_token_and_no_password(
    ask: Any, log_in: Any, device_token: str
) -> None:
    assert (await ask("GET /accounts/kim", token=device_token)).status_code == 401
    wrong = await log_in(password="wrong horse", X_Device_Token=device_token)
    assert wrong.status_code == 401


async def test_the_cookie_is_for_this_host_and_not_for_scripts(log_in: Any, sign_up: Any) -> None:
    await sign_up()

    cookie = (await log_in()).headers["set-cookie"]

    assert "; HttpOnly; SameSite=Strict" in cookie
    assert "; Path=/;" in cookie
    assert "Secure" not in cookie  # plain HTTP on one machine


async def test_a_failed_log_in_sets_no_cookie(log_in: Any) -> None:
    assert "set-cookie" not in (await log_in()).headers


def test_in_production_the_cookie_is_sent_over_https_only() -> None:
    cookie = DeviceCookie(secure=True)

    header = cookie.header("token")

    assert header.startswith("__Host-roadbike-device=token; Max-Age=")
    assert header.endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")


def test_a_token_is_known_by_every_replica_and_after_the_key_has_changed() -> None:
    token = Devices([KEY]).token("kim", None)

    assert Devices([KEY]).known(token, "kim") == token[:ID_LENGTH]
    assert Devices([OTHER_KEY, KEY]).known(token, "kim") == token[:ID_LENGTH]
    assert Devices([OTHER_KEY]).known(token, "kim") is None
    assert Devices([KEY]).known(token, "lee") is None
    assert Devices([KEY]).known(f"{token[:ID_LENGTH]}.é", "kim") is None


async def test_known_devices_find_a_place_when_the_queue_is_full() -> None:
    async with Passwords() as passwords:
        with ExitStack() as turns:
            for _ in range(THREADS + MAX_WAITING):
                turns.enter_context(passwords.turn())
            with pytest.raises(Overloaded):
                turns.enter_context(passwords.turn())

            for _ in range(RESERVED_TURNS):
                turns.enter_context(passwords.turn(reserved=True))
            with pytest.raises(Overloaded):
                turns.enter_context(passwords.turn(reserved=True))


async def test_a_rush_of_strangers_does_not_keep_a_known_device_out(
    log_in: Any, device_token: str
) -> None:
    rush = [asyncio.create_task(log_in(f"user{n}", "wrong horse")) for n in range(100)]
    await asyncio.sleep(0)

    owner = await log_in(X_Device_Token=device_token)

    assert owner.status_code == 200
    assert 503 in {answer.status_code for answer in await asyncio.gather(*rush)}


async def test_the_service_makes_tokens_with_its_signing_key(
    service: Service, sign_up: Any, log_in: Any
) -> None:
    await sign_up()
    settings = service.settings
    assert isinstance(settings, app.Settings)
    key = SigningKey.from_jwk(settings.signing_key.reveal())

    token = (await log_in()).json()["deviceToken"]

    assert Devices([key]).known(token, "kim")
    assert not Devices([KEY]).known(token, "kim")
