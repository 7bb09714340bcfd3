"""Files and folders of others are refused, links are not followed, ours are private."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from roadbike.local import own
from roadbike.local.errors import CommandError
from tests.local.other_user import NOBODY, needs_root

US = (os.geteuid(), os.getegid())

ACTS: dict[str, Callable[[Path], object]] = {
    "check": own.check,
    "read": own.read,
    "append": own.append,
    "lockable": own.lockable,
    "share": lambda path: own.share(path, None),
}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_link_to_a_file_is_not_followed(tmp_path: Path, act: Callable[[Path], object]) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("dear")
    target.chmod(0o644)
    link.symlink_to(target)

    with pytest.raises((CommandError, OSError), match="symbolic link"):
        act(link)

    assert target.read_text() == "dear"
    assert mode(target) == 0o644


@needs_root
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_file_of_another_user_is_refused(tmp_path: Path, act: Callable[[Path], object]) -> None:
    path = tmp_path / "theirs"
    path.write_text("dear")
    os.chown(path, NOBODY, NOBODY)

    with pytest.raises(CommandError, match="belongs to nobody, not to root: run the command as"):
        act(path)

    assert path.read_text() == "dear"


def test_a_link_in_place_of_a_file_is_replaced_by_the_file(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("dear")
    link.symlink_to(target)

    own.write(link, b"new")

    assert target.read_text() == "dear"
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"
    assert {entry.name for entry in tmp_path.iterdir()} == {"target", "link"}


def test_a_link_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    target.chmod(0o755)
    link.symlink_to(target)

    with pytest.raises(CommandError, match="is a symbolic link"):
        own.folder(link)

    assert mode(target) == 0o755


@needs_root
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)

    with pytest.raises(CommandError, match="belongs to nobody"):
        own.folder(theirs)

    assert theirs.stat().st_uid == NOBODY


def test_files_and_folders_are_private_without_a_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        own.write(tmp_path / "written", b"")
        own.append(tmp_path / "appended").close()
        os.close(own.lockable(tmp_path / "lock"))
        own.folder(tmp_path / "folder")
    finally:
        os.umask(before)

    modes = {path.name: mode(path) for path in tmp_path.iterdir()}
    assert modes == {"written": 0o600, "appended": 0o600, "lock": 0o600, "folder": 0o700}


@needs_root
def test_a_folder_is_handed_over_with_its_files_and_taken_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "deep" / "file").touch()
    everything = [data, data / "deep", data / "deep" / "file"]

    own.hand_over(data, (NOBODY, NOBODY))
    theirs = {path.stat().st_uid for path in everything}
    own.hand_over(data, US)

    assert theirs == {NOBODY}
    assert {path.stat().st_uid for path in everything} == {0}


@needs_root
@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_the_target_of_a_link_is_not_handed_over(tmp_path: Path, kind: str) -> None:
    data, victim = tmp_path / "data", tmp_path / "victim"
    data.mkdir()
    victim.touch()
    if kind == "symbolic":
        (data / "link").symlink_to(victim)
    else:
        (data / "link").hardlink_to(victim)

    with pytest.raises(CommandError, match="is a link or not a file"):
        own.hand_over(data, (NOBODY, NOBODY))

    assert victim.stat().st_uid == 0
