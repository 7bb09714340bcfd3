"""Fixtures: folders, ports, and shops of stub services."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from roadbike.local import home as homes
from tests.local.stub_shop import StubShop, new_folder, start
from tests.ports import free_base


@pytest.fixture
def folder() -> Iterator[Path]:
    made = new_folder()
    yield made
    homes.empty(homes.at(made / "home"))
    shutil.rmtree(made)


@pytest.fixture
def base() -> int:
    return free_base()


@pytest.fixture
def open_shop(folder: Path, base: int) -> Iterator[Callable[..., StubShop]]:
    """A function that opens a shop in one home; shops are closed at the end."""
    opened: list[StubShop] = []

    def open_(*more: str, **options: Any) -> StubShop:
        opened.append(start(folder / "home", base, *more, **options))
        opened[-1].wait_until_open()
        return opened[-1]

    yield open_
    for shop in opened:
        shop.close()


@pytest.fixture(scope="package")
def shop() -> Iterator[StubShop]:
    """One open shop for all tests that leave it as it was."""
    made = new_folder()
    running = start(made / "home", free_base())
    running.wait_until_open()
    yield running
    running.close()
    shutil.rmtree(made)
