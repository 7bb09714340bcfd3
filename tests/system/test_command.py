"""What the command prints for an open shop, and for one that cannot be opened."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadbike.local import keys
from tests.system.real_shop import PARTS, ROADBIKE, SERVICES, Shop, command_environment
from tests.system.shop_client import Person, ShopClient


async def test_status_as_json_has_every_part(client: ShopClient) -> None:
    await client.settle()

    result = await client.shop.roadbike("status", "--json")

    rows = {row["part"]: row for row in result.json}
    assert result.code == 0
    assert rows.keys() == set(PARTS)
    assert all(row["ready"] and row["memory_mb"] > 0 for row in rows.values())
    assert {name: row["pid"] for name, row in rows.items()} == {
        name: pid for name, pid in client.shop.pids.items() if name != "supervisor"
    }
    for name in SERVICES:
        on_sqlite = name in {"delivery", "storefront"}
        assert rows[name]["database"] == ("sqlite" if on_sqlite else "postgresql")
        figures = ("unsent", "lag", "parked", "dead", "pending", "unsettled")
        assert [rows[name][figure] for figure in figures] == [0] * len(figures)


async def test_status_shows_which_part_is_down(client: ShopClient) -> None:
    await client.shop.roadbike_ok("stop", "mypage")
    down = await client.shop.roadbike("status")
    await client.shop.roadbike_ok("start", "mypage")

    assert down.code == 1
    assert re.search(r"^mypage +stopped\b", down.out, re.MULTILINE)
    assert len(re.findall(r"^[\w-]+ +ready\b", down.out, re.MULTILINE)) == len(PARTS) - 1


@pytest.mark.parametrize("login", ["buyer", "buyer2", "admin"])
async def test_token_prints_the_token_of_a_demo_user_and_nothing_else(
    client: ShopClient, login: str
) -> None:
    result = await client.shop.roadbike("token", login)

    token = result.out.removesuffix("\n")
    assert (result.code, result.err) == (0, "")
    person = Person(client, login, token)
    assert (await person.get(f"/accounts/{login}"))["userId"] == login
    added = await person.request("POST", "/stocks", {"bikeNm": "", "price": 1, "stockQty": 1})
    assert added.status == (422 if login == "admin" else 403)


async def test_an_unknown_demo_user_is_refused_in_one_sentence(client: ShopClient) -> None:
    result = await client.shop.roadbike("token", "mallory")

    assert (result.code, result.out) == (1, "")
    assert "the demo users are buyer, buyer2, admin" in result.err


async def test_logs_show_the_last_lines_of_one_part_or_of_all(client: ShopClient) -> None:
    one = await client.shop.roadbike("logs", "stock", "--lines", "3")
    every = await client.shop.roadbike("logs", "-n", "1")
    none = await client.shop.roadbike("logs", "bakery")

    assert 0 < len(one.out.splitlines()) <= 3
    assert {line.split()[0] for line in every.out.splitlines()} >= {"stock", "postgres", "nats"}
    assert (none.code, none.out) == (1, "")


async def test_logs_can_be_followed(client: ShopClient) -> None:
    following = subprocess.Popen(  # noqa: ASYNC220, S603  our own command
        client.shop.command("logs", "mypage", "--follow", "-n", "0"),
        stdout=subprocess.PIPE,
        env=command_environment({"PYTHONUNBUFFERED": "1"}),
    )
    try:
        await client.shop.roadbike_ok("restart", "mypage")

        assert following.stdout is not None
        lines = iter(following.stdout.readline, b"")
        assert any(b"broker.connected" in line for line in lines)
    finally:
        following.kill()
        following.communicate()


async def test_a_command_for_an_unknown_part_names_the_known_ones(client: ShopClient) -> None:
    result = await client.shop.roadbike("stop", "bakery")

    assert result.code == 1
    assert result.err.startswith(
        "roadbike: there is no bakery: the parts are postgres, nats, set-up, stock"
    )


@pytest.fixture
def taken(new_shop: Shop) -> Iterator[int]:
    """The port of reservation, held by this process."""
    with socket.create_server(("127.0.0.1", new_shop.base + 2)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_reported_with_its_holder(new_shop: Shop, taken: int) -> None:
    result = new_shop.up()

    assert result.code == 1
    assert result.out == ""
    assert re.search(rf"port {taken} is taken by .+ \(pid {os.getpid()}\)", result.err)
    assert len(result.err.splitlines()) == 1
    assert not new_shop.home.shop_json.exists()


def test_all_wrong_settings_are_named_before_a_part_is_started(new_shop: Shop) -> None:
    wrong = {"ROADBIKE_OVERBOOK": "-1", "ROADBIKE_LOG_LEVEL": "loud", "G_STORE": "\n"}
    result = new_shop.up(environ=wrong)

    assert result.code == 1
    assert "ROADBIKE_OVERBOOK is wrong: it must be 0 or more" in result.err
    assert result.err.count("ROADBIKE_LOG_LEVEL is wrong: it must be one of debug, info") == 1
    assert "G_STORE is wrong: it must be one line of visible characters" in result.err
    assert "the shop was not opened, because settings are wrong" in result.err
    assert not new_shop.home.log("postgres").exists()
    assert "Traceback" not in result.err
    assert new_shop.shop_file["pids"] == {}


@pytest.mark.parametrize("service", ["reservation", "account"])
def test_production_refuses_keys_made_for_one_machine(shop: Shop, service: str) -> None:
    result = serve(
        service,
        ROADBIKE_ENV="production",
        ROADBIKE_PORT="0",
        ROADBIKE_DATABASE_URL=shop.shop_file["databases"][service],
        ROADBIKE_BROKER_URL=shop.shop_file["brokers"][service],
        ROADBIKE_ACCOUNT_URL=shop.address("account"),
        ROADBIKE_ACCOUNT_KEYS_FILE=str(shop.home.keys / "account.public.json"),
        ROADBIKE_PAYMENT_URL=shop.address("payment"),
        ROADBIKE_SIMULATED_JOURNAL_URL="sqlite+aiosqlite:///never-made.db",
        ROADBIKE_SERVICE_KEY_FILE=str(keys.private(shop.home, service)),
        ROADBIKE_CALLER_KEYS_FILE=str(keys.callers(shop.home, service)),
        ROADBIKE_SIGNING_KEY_FILE=str(keys.private(shop.home, keys.SIGNING)),
    )

    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert len(lines) >= 2
    assert all("was made for one machine: make a key for production" in line for line in lines)
    assert "ROADBIKE_SERVICE_KEY" in result.stderr


def test_up_refuses_production(new_shop: Shop) -> None:
    result = new_shop.up(environ={"ROADBIKE_ENV": "production"})

    assert result.code == 1
    assert "ROADBIKE_ENV" in result.err
    assert not new_shop.home.path.exists()


def serve(service: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  our own command
        [ROADBIKE, "serve", service],
        env={"PATH": str(Path(sys.executable).parent)} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
