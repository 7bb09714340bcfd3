"""The shop's folder: which folders are accepted, and what is deleted in them."""

import os
import stat
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local import shop_file
from roadbike.local.errors import CommandError
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
