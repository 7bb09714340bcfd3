"""What is typed wrongly, asked before it is done, or recommended as the next command."""

import os
import pty
import re
import subprocess
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local import ports, shop_file
from tests.local.stub_shop import StubShop
from tests.local.test_command import ROADBIKE, roadbike
from tests.ports import free_base


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("stock", "does not begin with postgresql"),
        ("mysql://u:secret@h/stock", "does not begin with postgresql"),
        ("postgresql+asyncpg://u:secret@h:x/stock", "its host or port is malformed"),
        ("postgresql+asyncpg://u:secret@127.0.0.1:1/stock", "the database cannot be used"),
        ("sqlite+aiosqlite:////no/such/folder/stock.db", "the database cannot be used"),
    ],
)
@pytest.mark.parametrize("command", [["migrate", "stock"], ["rebuild", "mypage"]])
def test_a_wrong_database_url_is_answered_in_one_line(
    command: list[str], url: str, reason: str
) -> None:
    done = roadbike(*command, ROADBIKE_DATABASE_URL=url)

    assert done.returncode == 1
    assert reason in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_ports_of_a_home_are_remembered(shop: StubShop, tmp_path: Path) -> None:
    assert shop_file.last_base(shop.home) == shop.base
    assert shop_file.last_base(homes.at(tmp_path)) == 8080


@pytest.mark.parametrize("environ", [{"MAKELEVEL": "1"}, {}])
def test_a_taken_port_leads_to_the_command_that_works(
    shop: StubShop, tmp_path: Path, environ: dict[str, str]
) -> None:
    base = str(shop.base)
    done = roadbike("up", "-d", "--home", "home", "--port-base", base, cwd=tmp_path, **environ)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    found = re.search(r"use other ports with `(.*)`", done.stderr)
    assert found
    begin = 'make up ARGS="' if environ else f"{ROADBIKE} up "
    assert found[1].startswith(f"{begin}--detach --port-base ")
    other = int(found[1].split("--port-base ")[1].split()[0].rstrip('"'))
    assert ports.first_taken(range(other + 1, other + 12)) is None
    assert not (tmp_path / "home").exists()


def test_fresh_without_a_terminal_needs_yes_and_says_what_it_would_delete(
    tmp_path: Path,
) -> None:
    home = homes.at(tmp_path / "home")
    homes.open_home(home)
    (home.path / "lock").touch()
    (home.path / "delivery" / "delivery.db").write_text("orders")

    done = roadbike("up", "--fresh", "--home", home.path, "--port-base", free_base())

    assert done.returncode == 1
    assert f"--fresh deletes the data in {home.path} (the databases of all services" in done.stderr
    assert "add --yes" in done.stderr
    assert (home.path / "delivery" / "delivery.db").read_text() == "orders"


def _all_of(screen: int) -> str:
    """Return all that was written to a terminal whose other end is closed, and close it."""
    shown = b""
    with suppress(OSError):  # the end of what was written
        while part := os.read(screen, 10_000):
            shown += part
    os.close(screen)
    return shown.decode()


@pytest.mark.parametrize("answer", ["n", "", "no"])
def test_fresh_asks_on_a_terminal_and_deletes_nothing_without_a_yes(
    tmp_path: Path, answer: str
) -> None:
    home = homes.at(tmp_path / "home")
    homes.open_home(home)
    (home.path / "lock").touch()
    (home.path / "delivery" / "delivery.db").write_text("orders")
    screen, terminal = pty.openpty()
    os.write(screen, f"{answer}\n".encode())

    done = subprocess.run(  # noqa: S603  our own command
        [ROADBIKE, "up", "--fresh", "--home", home.path, "--port-base", str(free_base())],
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(terminal)
    shown = _all_of(screen)

    assert "This deletes the data in" in shown
    assert "Continue? [y/N]" in shown
    assert (done.returncode, done.stderr) == (
        1,
        "roadbike: nothing was deleted, and the shop was not opened\n",
    )
    assert (home.path / "delivery" / "delivery.db").read_text() == "orders"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "--detac"], "there is no option --detac; did you mean --detach?"),
        (["statu"], "there is no command statu; did you mean status?"),
        (["start"], "PART is missing"),
        (["start", "stock", "now"], "now is one word too many"),
        (["up", "--port-base", "x"], "--port-base has a wrong value: it must be a whole number"),
        (
            ["stop", "stock\u200b"],
            "PART has a wrong value: it must be one line of visible characters",
        ),
        (
            ["dead-letters", "dismiss", "--why", " "],
            "--why has a wrong value: it must be one line of visible characters",
        ),
        (
            ["up", "--replicas", "a\tb"],
            "--replicas has a wrong value: it must be one line of visible characters",
        ),
        (["up", "--home"], "--home needs a value after it"),
    ],
)
def test_a_mistyped_command_is_answered_in_one_sentence(
    arguments: list[str], sentence: str
) -> None:
    done = roadbike(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"roadbike: {sentence} (see `")
    assert len(done.stderr.splitlines()) == 1


def test_what_is_typed_is_composed_and_trimmed_but_paths_are_not(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "한결")

    service = roadbike("serve", f" {decomposed} ")
    home = roadbike("status", "--home", tmp_path / decomposed)

    assert service.stderr.startswith("roadbike: there is no service 한결: ")
    assert f"/{decomposed}: " in home.stderr or f"/{decomposed} " in home.stderr


def test_commands_speak_korean_on_a_korean_terminal(tmp_path: Path) -> None:
    korean = {"LANG": "ko_KR.UTF-8", "PYTHONUTF8": "1"}
    helped = roadbike("up", "--help", **korean)
    closed = roadbike("status", "--home", tmp_path, **korean)

    assert "이 컴퓨터에 매장을 엽니다." in helped.stdout
    assert "기본값" in helped.stdout
    assert f"{tmp_path}: 열려 있는 매장이 없습니다" in closed.stderr
