"""As which user the parts run when root opens a shop."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import roadbike
from roadbike.kit.process.setting_faults import SettingError
from roadbike.local import users
from roadbike.local.users import User
from tests.local.other_user import NOBODY, needs_root
from tests.local.stub_shop import AS_ROOT, StubShop

NOBODY_USER = User("nobody", NOBODY, NOBODY)
SCRIPTS = Path(sysconfig.get_path("scripts"))
PROGRAMS = {
    "ROADBIKE_NATS_SERVER": str(SCRIPTS / "nats-server"),
    "ROADBIKE_TRAEFIK": str(SCRIPTS / "traefik"),
}
PARTS = (
    "nats",
    "set-up",
    "gateway",
    "stock",
    "reservation",
    "payment",
    "delivery",
    "mypage",
    "account",
)


def readable_base() -> Path | None:
    """Return a Python of this version that every user can run, if the machine has one."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (Path(sys.executable).resolve(), Path("/usr/bin") / name):
        if found.exists() and users.is_reachable(found.resolve().parent, NOBODY_USER.ids):
            return found
    return None


@pytest.fixture
def readable_python(folder: Path) -> Iterator[Path]:
    """A Python that nobody can run, and that finds what is installed here."""
    base, packages = readable_base(), Path(sysconfig.get_path("purelib"))
    if base is None or not users.is_reachable(packages, NOBODY_USER.ids):
        pytest.skip("every Python or the installation of this machine is closed to nobody")
    made = folder / "venv"
    subprocess.run([base, "-m", "venv", "--without-pip", made], check=True)  # noqa: S603
    (site,) = made.glob("lib/python3*/site-packages")
    (site / "shop.pth").write_text(f"{Path(roadbike.__file__).parents[1]}\n{packages}\n")
    yield made / "bin" / "python"
    shutil.rmtree(made)


@needs_root
def test_the_setting_names_the_user() -> None:
    assert users.unprivileged({"ROADBIKE_USER": "nobody"}) == NOBODY_USER
    for wrong in ("root", "not-a-user"):
        with pytest.raises(SettingError, match=f"{wrong} is not an ordinary user"):
            users.unprivileged({"ROADBIKE_USER": wrong})


@needs_root
def test_a_closed_home_and_a_closed_program_are_obstacles(tmp_path: Path, folder: Path) -> None:
    closed = tmp_path / "program"
    closed.touch(mode=0o700)

    assert "nobody cannot enter" in users.obstacle(NOBODY_USER, tmp_path, [])
    assert "nobody cannot read" in users.obstacle(NOBODY_USER, folder, [closed])


@needs_root
def test_the_parts_run_as_an_ordinary_user_and_a_shop_opens_again_either_way(
    open_shop: Callable[..., StubShop], readable_python: Path
) -> None:
    first = open_shop(environ=PROGRAMS, python=readable_python)
    ordinary = owners(first)
    killed = psutil.Process(first.pids["stock"])
    first.command("kill", "stock")
    first.command("start", "stock")
    again = psutil.Process(first.pids["stock"]).uids()
    first.close()
    closed = folder_owners(first)
    second = open_shop(environ=PROGRAMS | {"ROADBIKE_USER": "nobody"}, python=readable_python)

    assert AS_ROOT not in first.output
    assert ordinary == {part: {NOBODY} for part in PARTS}
    assert not killed.is_running()
    assert set(again) == {NOBODY}
    assert closed["keys"] == closed["logs"] == 0
    assert closed["delivery"] == closed["nats/data"] == NOBODY
    assert owners(second) == ordinary


@needs_root
def test_where_the_ordinary_user_cannot_read_the_installation_the_shop_says_so_and_opens(
    open_shop: Callable[..., StubShop], folder: Path, readable_python: Path
) -> None:
    first = open_shop(environ=PROGRAMS, python=readable_python)
    first.close()
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    traefik = shutil.copy(PROGRAMS["ROADBIKE_TRAEFIK"], closed / "traefik")
    second = open_shop(environ=PROGRAMS | {"ROADBIKE_TRAEFIK": str(traefik)})

    lines = [line for line in second.output.splitlines() if AS_ROOT in line]
    assert len(lines) == 1
    assert "nobody cannot read the installation in" in lines[0]
    assert owners(second) == {part: {0} for part in PARTS}
    assert folder_owners(second)["nats/data"] == 0


def owners(shop: StubShop) -> dict[str, set[int]]:
    """Return the user ids of the process of each part."""
    return {part: set(psutil.Process(shop.pids[part]).uids()) for part in PARTS}


def folder_owners(shop: StubShop) -> dict[str, int]:
    names = ("keys", "logs", "delivery", "nats/data")
    return {name: (shop.home.path / name).stat().st_uid for name in names}


def test_an_ordinary_user_runs_the_parts_as_itself() -> None:
    assert (users.unprivileged({}) is None) == (os.geteuid() != 0)
