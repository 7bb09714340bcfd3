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
from tests.system.shop import PARTS, ROADBIKE, SERVICES, Shop, surroundings
from tests.system.visit import Person, Visit


async def test_status_as_json_has_every_part(visit: Visit) -> None:
    await visit.settle()

    said = await visit.shop.order("status", "--json")

    rows = {row["part"]: row for row in said.json}
    assert said.code == 0
    assert rows.keys() == set(PARTS)
    assert all(row["ready"] and row["memory_mb"] > 0 for row in rows.values())
    assert {name: row["pid"] for name, row in rows.items()} == {
        name: pid for name, pid in visit.shop.pids.items() if name != "supervisor"
    }
    for name in SERVICES:
        assert rows[name]["database"] == ("sqlite" if name == "delivery" else "postgresql")
        figures = ("unsent", "lag", "parked", "dead", "pending", "unsettled")
        assert [rows[name][figure] for figure in figures] == [0] * len(figures)


async def test_status_shows_which_part_is_down(visit: Visit) -> None:
    await visit.shop.obey("stop", "mypage")
    down = await visit.shop.order("status")
    await visit.shop.obey("start", "mypage")

    assert down.code == 1
    assert re.search(r"^mypage +stopped\b", down.out, re.MULTILINE)
    assert len(re.findall(r"^\w+ +ready\b", down.out, re.MULTILINE)) == len(PARTS) - 1


@pytest.mark.parametrize("login", ["buyer", "buyer2", "admin"])
async def test_token_prints_the_token_of_a_demo_user_and_nothing_else(
    visit: Visit, login: str
) -> None:
    said = await visit.shop.order("token", login)

    token = said.out.removesuffix("\n")
    assert (said.code, said.err) == (0, "")
    person = Person(visit, login, token)
    assert (await person.get(f"/accounts/{login}"))["userId"] == login
    added = await person.ask("POST", "/stocks", {"bikeNm": "", "price": 1, "stockQty": 1})
    assert added.status == (422 if login == "admin" else 403)


async def test_an_unknown_demo_user_is_refused_in_one_sentence(visit: Visit) -> None:
    said = await visit.shop.order("token", "mallory")

    assert (said.code, said.out) == (1, "")
    assert "the demo users are buyer, buyer2, admin" in said.err


async def test_logs_show_the_last_lines_of_one_part_or_of_all(visit: Visit) -> None:
    one = await visit.shop.order("logs", "stock", "--lines", "3")
    every = await visit.shop.order("logs", "-n", "1")
    none = await visit.shop.order("logs", "bakery")

    assert 0 < len(one.out.splitlines()) <= 3
    assert {line.split()[0] for line in every.out.splitlines()} >= {"stock", "postgres", "nats"}
    assert (none.code, none.out) == (1, "")


async def test_logs_can_be_followed(visit: Visit) -> None:
    following = subprocess.Popen(  # noqa: ASYNC220, S603  our own command
        visit.shop.command("logs", "mypage", "--follow", "-n", "0"),
        stdout=subprocess.PIPE,
        env=surroundings({"PYTHONUNBUFFERED": "1"}),
    )
    try:
        await visit.shop.obey("restart", "mypage")

        assert following.stdout is not None
        assert b"broker.connected" in following.stdout.readline()
    finally:
        following.kill()
        following.communicate()


async def test_a_command_for_an_unknown_part_names_the_known_ones(visit: Visit) -> None:
    said = await visit.shop.order("stop", "bakery")

    assert said.code == 1
    assert said.err.startswith("roadbike: there is no bakery: the parts are postgres, nats, stock")


@pytest.fixture
def taken(new_shop: Shop) -> Iterator[int]:
    """The port of reservation, held by this process."""
    with socket.create_server(("127.0.0.1", new_shop.base + 2)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_reported_with_its_holder(new_shop: Shop, taken: int) -> None:
    said = new_shop.up()

    assert said.code == 1
    assert said.out == ""
    assert re.search(rf"port {taken} is taken by \S+ \(pid {os.getpid()}\)", said.err)
    assert len(said.err.splitlines()) == 1
    assert not new_shop.home.shop_json.exists()


def test_a_part_that_fails_shows_its_last_log_lines_and_leaves_no_process(new_shop: Shop) -> None:
    said = new_shop.up(environ={"ROADBIKE_OVERBOOK": "-1"})

    assert said.code == 1
    assert "ROADBIKE_OVERBOOK is wrong" in said.err
    assert "reservation does not start" in said.err
    assert "Traceback" not in said.err
    assert new_shop.listing["pids"] == {}


@pytest.mark.parametrize("service", ["reservation", "account"])
def test_production_refuses_keys_made_for_one_machine(shop: Shop, service: str) -> None:
    said = serve(
        service,
        ROADBIKE_ENV="production",
        ROADBIKE_PORT="0",
        ROADBIKE_DATABASE_URL=shop.listing["databases"][service],
        ROADBIKE_BROKER_URL=shop.listing["brokers"][service],
        ROADBIKE_ACCOUNT_URL=shop.address("account"),
        ROADBIKE_ACCOUNT_KEYS_FILE=str(shop.home.keys / "account.public.json"),
        ROADBIKE_PAYMENT_URL=shop.address("payment"),
        ROADBIKE_SIMULATED_JOURNAL_URL="sqlite+aiosqlite:///never-made.db",
        ROADBIKE_SERVICE_KEY_FILE=str(keys.private(shop.home, service)),
        ROADBIKE_CALLER_KEYS_FILE=str(keys.callers(shop.home, service)),
        ROADBIKE_SIGNING_KEY_FILE=str(keys.private(shop.home, keys.SIGNING)),
    )

    assert said.returncode == 1
    assert said.stderr == (
        "roadbike: ROADBIKE_SERVICE_KEY was made for one machine: make a key for production\n"
    )


def test_up_refuses_production(new_shop: Shop) -> None:
    said = new_shop.up(environ={"ROADBIKE_ENV": "production"})

    assert said.code == 1
    assert "ROADBIKE_ENV" in said.err
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
