"""A home in which no shop can be opened is refused in one sentence, before anything is made."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from errno import EACCES, EINVAL
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local import own
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.servers import postgres
from roadbike.local.users import User
from tests.local.other_user import NOBODY, as_nobody, needs_root
from tests.ports import free_base

NOBODY_USER = User("nobody", NOBODY, NOBODY)
SMALL = "size=8m,mode=0755"


@pytest.mark.parametrize("below", ["", "home", "a/b/home"])
def test_a_home_that_is_a_file_or_below_one_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("dear")

    with pytest.raises(CommandError, match="file is a file, not a folder"):
        homes.check(homes.at(tmp_path / "file" / below))

    assert (tmp_path / "file").read_text() == "dear"


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ("/bin/mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(disk))
    if subprocess.run(mount, check=False, capture_output=True).returncode:  # noqa: S603 fixed
        pytest.skip("mounting a file system is not allowed here")
    yield disk
    subprocess.run(("/bin/umount", str(disk)), check=True)  # noqa: S603 fixed


def up(home: Path) -> "subprocess.CompletedProcess[str]":
    base = str(free_base())
    return subprocess.run(  # noqa: S603  this same program
        [sys.executable, "-m", "roadbike", "up", "--detach", "--home", home, "--port-base", base],
        capture_output=True,
        text=True,
        check=False,
    )


@needs_root
def test_a_home_on_a_full_disk_is_refused_before_anything_is_made(full_disk: Path) -> None:
    done = up(full_disk / "home")

    assert done.returncode == 1
    assert f"the disk of {full_disk / 'home'} has 8 MB left, and a shop needs " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(full_disk.iterdir()) == []


@needs_root
def test_data_outside_of_the_home_need_space_too(full_disk: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="roadbike-closed-") as closed:  # mode 0700
        home = homes.at(Path(closed) / "home")
        homes.make_home(home)
        home.postgres.symlink_to(made_for(home, full_disk / f"{homes.OUTSIDE_PREFIX}1"))

        place = postgres.place(home, NOBODY_USER)
        with pytest.raises(CommandError, match=f"the disk of {place} has . MB left"):
            homes.check_disk(home, place)
        home.postgres.unlink()

        assert postgres.place(home, NOBODY_USER) == Path(tempfile.gettempdir()).resolve()
        assert postgres.place(homes.at(Path(closed) / "a" / "b"), None) == Path(
            closed, "a", "b", "postgres"
        )


def made_for(home: Home, outside: Path) -> Path:
    outside.mkdir(mode=0o700)
    own.write(outside / homes.OUTSIDE, bytes(home.path))
    return outside


@needs_root
def test_a_folder_that_may_not_be_written_is_refused(folder: Path) -> None:
    def check() -> None:
        try:
            homes.check(homes.at(folder / "home"))
        except CommandError as refusal:
            is_right = str(refusal).startswith(f"nobody may not write to {folder}: choose another")
            raise PermissionError(EACCES if is_right else EINVAL, "refused") from None

    assert as_nobody(check) == "EACCES"
    assert list(folder.iterdir()) == []
