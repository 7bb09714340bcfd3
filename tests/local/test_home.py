"""The shop's folder: whose it is, and what is deleted in it."""

import os
import stat
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local.errors import CommandError


def test_a_folder_with_other_things_in_it_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    mode = tmp_path.stat().st_mode

    with pytest.raises(CommandError, match="holds other files and no shop"):
        homes.open_home(homes.at(tmp_path))

    assert tmp_path.stat().st_mode == mode
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_deleting_a_shop_s_data_leaves_what_is_not_the_shop_s(tmp_path: Path) -> None:
    home = homes.at(tmp_path / "home")
    homes.open_home(home)
    os.close(homes.lock(home))
    homes.write_shop(home, {"logins": {}})
    (home.path / "letter.txt").write_text("dear")

    homes.empty(home)

    assert {entry.name for entry in home.path.iterdir()} == {"lock", "letter.txt"}


def test_a_home_is_claimed_by_one_at_a_time(tmp_path: Path) -> None:
    home = homes.at(tmp_path)

    claim = homes.lock(home)
    second = homes.lock(home)
    os.close(claim)
    third = homes.lock(home)
    os.close(third)

    assert second == -1
    assert third != -1


def test_what_is_private_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    home = homes.at(tmp_path)

    made = homes.passwords(home, "postgres", ("stock", "payment"))
    again = homes.passwords(home, "postgres", ("stock", "payment", "mypage"))

    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert made.items() <= again.items()
    assert len(set(again.values())) == 3
