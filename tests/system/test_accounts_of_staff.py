"""`roadbike account`: the first admin, roles, one-time passwords that are printed once."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.system.real_shop import Shop

CHOSEN = "my own rare password"


def password_in(printed: str) -> str:
    found = re.search(r"\b[a-z2-9]{4}(-[a-z2-9]{4}){3}\b", printed)
    assert found is not None, printed
    return found[0]


def log_in(shop: Shop, user: str, password: str, **more: str) -> Any:
    body = {"userId": user, "password": password} | more
    return httpx.post(f"{shop.address('gateway')}/accounts/tokens", json=body, timeout=30)


async def listed(shop: Shop) -> dict[str, dict[str, Any]]:
    result = await shop.roadbike("account", "list", "--json")
    assert result.code == 0, result
    return {account["userId"]: account for account in json.loads(result.out)}


async def test_an_admin_is_made_and_chooses_a_password(shop: Shop) -> None:
    added = await shop.roadbike("account", "add", "boss", "--role", "admin", "--name", "대표")
    one_time = password_in(added.out)

    refused = log_in(shop, "boss", one_time)
    chosen = log_in(shop, "boss", one_time, newPassword=CHOSEN)

    assert refused.json()["type"] == "/problems/password-must-change"
    assert chosen.status_code == 200
    boss = (await listed(shop))["boss"]
    assert (boss["userNm"], boss["roles"], boss["oneTimeUntil"]) == ("대표", ["admin"], None)


async def test_a_role_and_a_password_are_changed(shop: Shop) -> None:
    first = password_in((await shop.roadbike("account", "add", "hana", "--role=clerk")).out)
    log_in(shop, "hana", first, newPassword=CHOSEN)

    promoted = await shop.roadbike("account", "role", "hana", "admin", "--why", "승진")
    reset = await shop.roadbike("account", "password", "hana")

    assert promoted.code == 0
    assert log_in(shop, "hana", CHOSEN).status_code == 401
    second = password_in(reset.out)
    assert second != first
    assert log_in(shop, "hana", second, newPassword=f"{CHOSEN} 2").status_code == 200
    assert (await listed(shop))["hana"]["roles"] == ["admin"]
    shown = await shop.roadbike("account", "list")
    assert "hana" in shown.out
    await shop.roadbike_ok("account", "role", "hana", "buyer")
    assert "hana" not in await listed(shop)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "buyer", "--role", "clerk"), "already"),
        (("add", "no one", "--role", "clerk"), "letter"),
        (("role", "nobody", "clerk"), "no such account"),
        (("password", "buyer"), "no such account"),
        (("add", "third", "--role", "king"), "king"),
    ],
)
async def test_a_mistake_says_what_is_wrong(
    shop: Shop, arguments: tuple[str, ...], said: str
) -> None:
    result = await shop.roadbike("account", *arguments)

    assert result.code != 0
    assert said in result.err.lower()
    assert result.out == ""


async def test_no_password_is_in_a_log(shop: Shop) -> None:
    made = await shop.roadbike("account", "add", "quiet", "--role", "clerk")
    one_time = password_in(made.out)
    log_in(shop, "quiet", one_time, newPassword=f"{CHOSEN} 3")

    logs = [path.read_text() for path in shop.home.logs.glob("*.log")]

    assert logs
    assert not [log for log in logs if one_time in log or f"{CHOSEN} 3" in log]
