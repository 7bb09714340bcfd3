"""A home that vanishes while its shop is open ends the shop with one sentence."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from roadbike.local import home as homes
from tests.local.stub_shop import StubShop


@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_a_shop_whose_home_vanishes_says_so_and_closes(
    open_shop: Callable[..., StubShop], folder: Path, how: str
) -> None:
    shop = open_shop()
    processes = shop.processes()

    if how == "moved":
        (folder / "home").rename(folder / "elsewhere")
    else:
        shutil.rmtree(folder / "home", ignore_errors=True)
    output, _ = shop.process.communicate(timeout=60)

    _, alive = psutil.wait_procs(processes, timeout=5)
    assert alive == []
    assert shop.process.returncode == 1
    assert f"{folder / 'home'} was removed: the shop closes." in output
    assert "was removed while the shop was open, so the shop was closed" in output
    assert "Traceback" not in output
    assert not (folder / "home").exists()


def test_data_outside_of_the_home_that_vanish_are_noticed() -> None:
    with tempfile.TemporaryDirectory(prefix="roadbike-closed-") as closed:  # mode 0700
        home = homes.at(Path(closed) / "home")
        homes.make_home(home)
        claim = homes.lock(home)
        assert claim is not None
        data = Path(tempfile.mkdtemp())

        home.postgres.symlink_to(data)
        before = homes.vanished(home, claim)
        data.rmdir()
        after = homes.vanished(home, claim)
        os.close(claim)

    assert (before, after) == (None, data)
