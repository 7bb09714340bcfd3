"""The command `roadbike`: every mistake is one clear line, never a traceback."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local.commands import status
from tests.local.shops import StubShop
from tests.ports import free_base

ROADBIKE = Path(sys.executable).with_name("roadbike")


def roadbike(
    *arguments: object, cwd: Path | None = None, **environ: str
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(  # noqa: S603  this same program
        [sys.executable, "-m", "roadbike", *(str(argument) for argument in arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", **environ},
    )
    assert "Traceback" not in done.stderr
    return done


def test_production_is_not_opened_on_one_machine(tmp_path: Path) -> None:
    done = roadbike("up", "--home", "home", cwd=tmp_path, ROADBIKE_ENV="production")

    assert done.returncode == 1
    assert f"run `{ROADBIKE} serve SERVICE`" in done.stderr
    assert not (tmp_path / "home").exists()


def test_a_misspelt_setting_is_named_before_anything_starts(tmp_path: Path) -> None:
    done = roadbike("up", "--home", "home", cwd=tmp_path, ROADBIKE_OVERBOKK="1")

    assert done.returncode == 1
    assert done.stderr == (
        "roadbike: ROADBIKE_OVERBOKK is not a setting: did you mean ROADBIKE_OVERBOOK?\n"
    )
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "order",
    [["status"], ["down"], ["start", "stock"], ["stop", "stock"], ["kill", "stock"]],
)
def test_orders_to_a_shop_that_is_not_open_say_so(tmp_path: Path, order: list[str]) -> None:
    done = roadbike(*order, "--home", tmp_path, cwd=tmp_path)

    assert done.returncode == 1
    assert f"no shop is running in {tmp_path}: " in done.stderr
    assert done.stderr.endswith(f": start it with `{ROADBIKE} up --home {tmp_path}`\n")


def test_a_hint_is_what_was_typed(tmp_path: Path) -> None:
    (tmp_path / "bin").symlink_to(ROADBIKE.parent)

    done = subprocess.run(
        ["bin/roadbike", "status"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.stderr.endswith(": start it with `bin/roadbike up`\n")


def test_a_long_sentence_is_broken_between_words_on_a_terminal(tmp_path: Path) -> None:
    screen, terminal = pty.openpty()

    subprocess.run(  # noqa: S603  our own command
        [ROADBIKE, "up", "--home", tmp_path],
        stderr=terminal,
        check=False,
        cwd=tmp_path,
        env={"PATH": "", "ROADBIKE_ENV": "production", "COLUMNS": "60"},
    )
    lines = os.read(screen, 10_000).decode().splitlines()
    os.close(screen)
    os.close(terminal)

    assert len(lines) > 2
    assert " ".join(lines) == (
        f"roadbike: `{ROADBIKE} up` is for one machine and makes keys and log-ins of its own: "
        f"in production run `{ROADBIKE} serve SERVICE`, or unset ROADBIKE_ENV"
    )
    assert any(f"`{ROADBIKE} serve SERVICE`" in line for line in lines)


@pytest.mark.parametrize("order", [["serve", "bakery"], ["migrate", "bakery"]])
def test_an_unknown_service_is_answered_with_those_there_are(
    tmp_path: Path, order: list[str]
) -> None:
    done = roadbike(*order, cwd=tmp_path, ROADBIKE_DATABASE_URL="sqlite+aiosqlite:///x.db")

    assert done.returncode == 1
    assert "there is no service bakery: the services are stock, reservation" in done.stderr


def test_a_service_without_its_settings_names_the_first_that_is_missing() -> None:
    done = roadbike("serve", "stock")

    assert done.returncode == 1
    assert "roadbike: ROADBIKE_PORT is missing" in done.stderr


def test_a_database_is_brought_up_to_date_by_its_url_alone(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/stock.db"

    done = roadbike("migrate", "stock", ROADBIKE_DATABASE_URL=url)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "stock.db").stat().st_size > 0


def test_a_port_base_out_of_range_is_refused(tmp_path: Path) -> None:
    done = roadbike("up", "--home", tmp_path / "home", "--port-base", "80")

    assert done.returncode == 1
    assert "choose one from 1024 to" in done.stderr
    assert not (tmp_path / "home").exists()


def test_nothing_is_made_where_a_program_is_missing(tmp_path: Path) -> None:
    base = str(free_base())

    done = roadbike("up", "--home", "home", "--port-base", base, cwd=tmp_path, ROADBIKE_TRAEFIK="x")

    assert done.returncode == 1
    assert "ROADBIKE_TRAEFIK names x" in done.stderr
    assert not (tmp_path / "home").exists()


def test_data_are_not_deleted_for_a_shop_that_cannot_open(shop: StubShop, tmp_path: Path) -> None:
    home = homes.at(tmp_path)
    os.close(homes.lock(home))
    homes.write_shop(home, {"logins": {}})

    done = roadbike("up", "--fresh", "--home", tmp_path, "--port-base", shop.base)

    assert done.returncode == 1
    assert f"port {shop.base + 8} is taken" in done.stderr
    assert homes.read_shop(home) == {"logins": {}}


def test_somebody_else_s_folder_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")

    done = roadbike("up", "--home", tmp_path)

    assert done.returncode == 1
    assert "choose an empty folder with --home" in done.stderr


def test_an_open_shop_s_data_are_not_deleted(shop: StubShop) -> None:
    done = roadbike("up", "--fresh", "--home", shop.home.path)

    assert done.returncode == 1
    assert "already running" in done.stderr
    assert shop.ask("/stocks").status == 200


def test_an_unknown_log_in_is_answered_with_those_there_are(shop: StubShop) -> None:
    done = roadbike("token", "nobody", "--home", shop.home.path)

    assert done.returncode == 1
    assert "there are buyer, buyer2, admin" in done.stderr
    assert done.stdout == ""


def test_logs_show_one_part_or_all(shop: StubShop) -> None:
    one = roadbike("logs", "nats", "-n", "50", "--home", shop.home.path)
    every = roadbike("logs", "-n", "50", "--home", shop.home.path)
    none = roadbike("logs", "bakery", "--home", shop.home.path)

    assert "Server is ready" in one.stdout
    assert "nats " in every.stdout
    assert "postgres " in every.stdout
    assert f"there is no log of bakery in {shop.home.logs}: there are account" in none.stderr


@pytest.mark.parametrize(
    ("order", "meant"), [("logs", "reservation"), ("stop", "payment"), ("migrate", "delivery")]
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    shop: StubShop, order: str, meant: str
) -> None:
    done = roadbike(order, f"{meant}s", "--home", shop.home.path)

    assert done.returncode == 1
    assert f" {meant}s" in done.stderr
    assert done.stderr.endswith(f"; did you mean {meant}?\n")


def test_the_status_is_told_to_people_and_to_programs(shop: StubShop) -> None:
    shown = roadbike("status", "--home", shop.home.path)
    told = roadbike("status", "--json", "--home", shop.home.path)

    assert shown.returncode == told.returncode == 0
    assert "reservation" in shown.stdout
    assert '"unsent": 0' in told.stdout


def test_the_status_of_a_shop_with_a_part_down_is_a_failure(shop: StubShop) -> None:
    shop.order("stop", "payment")
    done = roadbike("status", "--home", shop.home.path)
    shop.order("start", "payment")

    assert done.returncode == 1
    assert "stopped" in done.stdout


@pytest.mark.parametrize(
    "command",
    ["up", "down", "status", "logs", "start", "stop", "restart", "kill", "serve", "migrate"],
)
def test_every_command_explains_itself(command: str) -> None:
    done = roadbike(command, "--help")

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 5


def test_the_status_explains_its_figures() -> None:
    said = roadbike("status", "--help").stdout

    for figure in status.FIGURES[1:]:
        assert f"\n  {figure:<11}" in said
