"""The shop's folder: which folders are accepted, and what is deleted in them."""

import os
import stat
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from tests.local.other_user import NOBODY, needs_root
from tests.local.shop_files import a_shop_file


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    mode = tmp_path.stat().st_mode

    with pytest.raises(CommandError, match="is not empty and not a shop's folder"):
        homes.open_home(homes.at(tmp_path))

    assert tmp_path.stat().st_mode == mode
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_deleting_a_shop_s_data_keeps_other_files(tmp_path: Path) -> None:
    home = homes.at(tmp_path / "home")
    homes.open_home(home)
    claim = homes.lock(home)
    assert claim is not None
    os.close(claim)
    shop_file.write(home, a_shop_file())
    (home.path / "letter.txt").write_text("dear")

    homes.empty(home)

    assert {entry.name for entry in home.path.iterdir()} == {"lock", "letter.txt"}


def test_a_home_is_locked_by_one_process_at_a_time(tmp_path: Path) -> None:
    home = homes.at(tmp_path)

    claim = homes.lock(home)
    second = homes.lock(home)
    assert claim is not None
    os.close(claim)
    third = homes.lock(home)

    assert second is None
    assert third is not None
    os.close(third)


def test_secrets_are_readable_by_their_owner_only_and_stay_the_same(tmp_path: Path) -> None:
    home = homes.at(tmp_path)

    made = homes.passwords(home, "postgres", ("stock", "payment"))
    again = homes.passwords(home, "postgres", ("stock", "payment", "mypage"))

    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert made.items() <= again.items()
    assert len(set(again.values())) == 3


def test_a_link_in_place_of_the_home_or_of_something_in_it_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    home = homes.at(tmp_path / "home")
    homes.open_home(home)
    (home.path / "lock").touch()

    (tmp_path / "link").symlink_to(home.path)
    with pytest.raises(CommandError, match="link is a symbolic link"):
        homes.open_home(homes.at(tmp_path / "link"))
    for name in ("keys", "logs", "postgres", "delivery", "secrets.json", "shop.json", "lock"):
        entry = home.path / name
        kept = entry.rename(tmp_path / "kept") if entry.exists() else None
        entry.symlink_to(victim)
        with pytest.raises(CommandError, match=f"{name} is a symbolic link"):
            homes.open_home(home)
        entry.unlink()
        if kept:
            kept.rename(entry)

    homes.open_home(home)
    assert list(victim.iterdir()) == []
    assert stat.S_IMODE(victim.stat().st_mode) == 0o755


@needs_root
@pytest.mark.parametrize("name", ["", "secrets.json", "shop.json", "lock", "keys", "keys/ops.json"])
def test_a_home_with_something_of_another_user_is_refused(tmp_path: Path, name: str) -> None:
    home = homes.at(tmp_path / "home")
    homes.open_home(home)
    for file in ("lock", "secrets.json", "shop.json", "keys/ops.json"):
        (home.path / file).touch()
    os.chown(home.path / name, NOBODY, NOBODY)

    with pytest.raises(CommandError, match="belongs to nobody, not to root"):
        homes.open_home(home)

    assert (home.path / name).stat().st_uid == NOBODY


@needs_root
def test_secrets_and_addresses_of_another_user_are_not_used(tmp_path: Path) -> None:
    home = homes.at(tmp_path)
    homes.write_private(tmp_path / "secrets.json", b'{"nats": {"stock": "known"}}')
    shop_file.write(home, a_shop_file())
    for name in ("secrets.json", "shop.json"):
        os.chown(tmp_path / name, NOBODY, NOBODY)

    with pytest.raises(CommandError, match=r"secrets\.json belongs to nobody"):
        homes.passwords(home, "nats", ["stock"])
    with pytest.raises(CommandError, match=r"shop\.json belongs to nobody"):
        shop_file.read_known(home)


def test_missing_folders_above_the_home_are_not_open_to_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        homes.open_home(homes.at(tmp_path / "a" / "b" / "home"))
    finally:
        os.umask(before)

    made = (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "home")
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} <= {0o700, 0o711}
