"""A home may have any name that a folder can have: all data of the shop are inside of it."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local.errors import CommandError
from tests.local.stub_shop import StubShop, start

# what has a meaning in URLs, shells, YAML, templates, PostgreSQL's and NATS' files, and Rich
NAME = "서울 매장?x=1%20$HOME#a'b\"c\\d{{e}}[bold]&f;g:h"


@pytest.fixture
def odd_shop(folder: Path, base: int) -> Iterator[StubShop]:
    shop = start(folder / NAME, base)
    shop.wait_until_open()
    yield shop
    shop.close()
    homes.empty(homes.at(folder / NAME))


def test_a_shop_opens_in_a_home_with_every_special_character(
    odd_shop: StubShop, folder: Path
) -> None:
    home = folder / NAME

    assert odd_shop.ask("/stocks").status == 200
    assert [entry.name for entry in folder.iterdir()] == [NAME]
    assert (home / "postgres" / "data" / "PG_VERSION").exists()
    assert (home / "nats" / "data" / "jetstream").is_dir()
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o007]


@pytest.mark.parametrize("name", ["two\nlines", "bell\a", "\udcff"])
def test_a_home_whose_name_cannot_be_shown_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="cannot be shown"):
        homes.make_home(homes.at(tmp_path / name))

    assert not (tmp_path / name).exists()
