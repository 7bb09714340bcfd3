"""The command `roadbike`: every mistake is answered with one clear sentence."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local import shop_file
from roadbike.local.commands import status_table
from roadbike.local.texts import texts
from tests.local.shop_files import a_shop_file
from tests.local.stub_shop import StubShop
from tests.ports import free_base

ROADBIKE = Path(sys.executable).with_name("roadbike")
COMMANDS = (
    *("up", "down", "status", "url", "logs", "start", "stop", "restart", "kill"),
    *("serve", "migrate", "token", "demo", "rebuild", "set-up-broker", "dead-letters"),
    *("set-up-secrets", "set-up-gateway", "serve-fallback"),
)


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


def test_up_refuses_production(tmp_path: Path) -> None:
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
    "arguments",
    [
        ["status"],
        ["url"],
        ["down"],
        ["start", "stock"],
        ["kill", "stock"],
        ["dead-letters", "list"],
    ],
)
def test_commands_for_a_shop_that_is_not_open_say_so(tmp_path: Path, arguments: list[str]) -> None:
    done = roadbike(*arguments, "--home", tmp_path, cwd=tmp_path)

    assert done.returncode == (2 if arguments == ["status"] else 1)
    assert f"no shop is running in {tmp_path}: " in done.stderr
    assert done.stderr.endswith(f": start it with `{ROADBIKE} up --home {tmp_path}`\n")


def test_a_recommended_command_begins_as_the_user_typed_it(tmp_path: Path) -> None:
    (tmp_path / "bin").symlink_to(ROADBIKE.parent)

    done = subprocess.run(
        ["bin/roadbike", "status"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.stderr.endswith(": start it with `bin/roadbike up`\n")


def test_a_long_sentence_is_wrapped_between_words_on_a_terminal(tmp_path: Path) -> None:
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
        f"roadbike: `{ROADBIKE} up` is for one machine and makes keys and passwords of its own: "
        f"in production run `{ROADBIKE} serve SERVICE`, or unset ROADBIKE_ENV"
    )
    assert any(f"`{ROADBIKE} serve SERVICE`" in line for line in lines)


@pytest.mark.parametrize("arguments", [["serve", "bakery"], ["migrate", "bakery"]])
def test_an_unknown_service_is_answered_with_the_known_ones(
    tmp_path: Path, arguments: list[str]
) -> None:
    done = roadbike(*arguments, cwd=tmp_path, ROADBIKE_DATABASE_URL="sqlite+aiosqlite:///x.db")

    assert done.returncode == 1
    assert "there is no service bakery: the services are stock, reservation" in done.stderr


def test_a_service_without_settings_names_the_first_missing_one() -> None:
    done = roadbike("serve", "stock")

    assert done.returncode == 1
    assert "roadbike: ROADBIKE_PORT is missing" in done.stderr


def test_a_database_is_migrated_by_its_url_alone(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/stock.db"

    done = roadbike("migrate", "stock", ROADBIKE_DATABASE_URL=url)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "stock.db").stat().st_size > 0


def test_a_port_base_out_of_range_is_refused(tmp_path: Path) -> None:
    done = roadbike("up", "--home", tmp_path / "home", "--port-base", "80")

    assert done.returncode == 1
    assert "choose one from 1024 to" in done.stderr
    assert not (tmp_path / "home").exists()


def test_no_home_is_made_when_a_program_is_missing(tmp_path: Path) -> None:
    base = str(free_base())

    done = roadbike("up", "--home", "home", "--port-base", base, cwd=tmp_path, ROADBIKE_TRAEFIK="x")

    assert done.returncode == 1
    assert "ROADBIKE_TRAEFIK names x" in done.stderr
    assert not (tmp_path / "home").exists()


def test_fresh_deletes_nothing_when_the_shop_cannot_open(shop: StubShop, tmp_path: Path) -> None:
    home = homes.at(tmp_path)
    (home.path / "lock").touch()
    shop_file.write(home, a_shop_file())

    done = roadbike("up", "--fresh", "--home", tmp_path, "--port-base", shop.base)

    assert done.returncode == 1
    assert f"port {shop.base + 1} is taken" in done.stderr
    assert shop_file.read(home) == a_shop_file()


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")

    done = roadbike("up", "--home", tmp_path, "--port-base", free_base())

    assert done.returncode == 1
    assert "choose an empty one with --home" in done.stderr


def test_fresh_deletes_nothing_of_an_open_shop(shop: StubShop) -> None:
    done = roadbike("up", "--fresh", "--home", shop.home.path, "--port-base", free_base())

    assert done.returncode == 1
    assert "already running" in done.stderr
    assert shop.ask("/stocks").status == 200


@pytest.mark.parametrize("arguments", [["up"], ["migrate"]])
def test_a_home_of_an_earlier_version_is_refused_in_one_sentence(
    tmp_path: Path, arguments: list[str]
) -> None:
    home = homes.at(tmp_path / "home")
    homes.open_home(home)
    (home.path / "lock").touch()
    home.shop_json.write_text('{"home": "/x", "logins": {"buyer": "secret"}}')

    done = roadbike(*arguments, "--home", home.path, cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"roadbike: {home.path} was made by another version of this program: delete its data with "
        f"`{ROADBIKE} up --fresh --home {home.path}`, or open it with the version that made it\n"
    )


def test_the_url_of_an_open_shop_is_the_only_output(shop: StubShop) -> None:
    done = roadbike("url", "--home", shop.home.path)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{shop.gateway}\n", "")


def test_an_unknown_demo_user_is_answered_with_the_known_ones(shop: StubShop) -> None:
    done = roadbike("token", "nobody", "--home", shop.home.path)

    assert done.returncode == 1
    assert "the demo users are buyer, buyer2, admin" in done.stderr
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
    ("verb", "meant"), [("logs", "reservation"), ("stop", "payment"), ("migrate", "delivery")]
)
def test_a_misspelt_name_is_answered_with_the_most_similar_one(
    shop: StubShop, verb: str, meant: str
) -> None:
    done = roadbike(verb, f"{meant}s", "--home", shop.home.path)

    assert done.returncode == 1
    assert f" {meant}s" in done.stderr
    assert done.stderr.endswith(f"; did you mean {meant}?\n")


def test_the_status_is_a_table_or_json(shop: StubShop) -> None:
    shown = roadbike("status", "--home", shop.home.path)
    printed = roadbike("status", "--json", "--home", shop.home.path)

    assert shown.returncode == printed.returncode == 0
    assert "reservation" in shown.stdout
    assert {row["unsent"] for row in json.loads(printed.stdout) if "database" in row} == {0}


def test_the_exit_code_of_status_is_1_when_a_part_is_down(shop: StubShop) -> None:
    shop.command("stop", "payment")
    done = roadbike("status", "--home", shop.home.path)
    shop.command("start", "payment")

    assert done.returncode == 1
    assert "stopped" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_text(command: str) -> None:
    done = roadbike(command, "--help")

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 5


def test_the_status_explains_its_figures() -> None:
    text = roadbike("status", "--help").stdout

    for figure in ("unsent", "lag", *status_table.COUNTS):
        header = texts()[f"column-{figure}"].en
        assert f"\n  {header:<11}" in text
