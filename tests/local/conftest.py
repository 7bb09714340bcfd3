"""A shop of stubs: real PostgreSQL, NATS and Traefik under the real supervisor."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from roadbike.local import control
from roadbike.local import home as homes
from roadbike.local.home import Home

HERE = Path(__file__).parent
OPEN = "The shop is open"


@dataclass
class StubShop:
    home: Home
    base: int
    process: "subprocess.Popen[str]"
    said: str = ""

    @property
    def listing(self) -> dict[str, Any]:
        return json.loads(self.home.shop_json.read_text())

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.base + 8}"

    def tree(self) -> list[psutil.Process]:
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def wait_until_open(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if OPEN in line:
                return
        pytest.fail(f"it does not open:\n{self.said}")

    def close(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode

    def order(self, what: str, part: str = "") -> Any:
        return control.ask(self.home, what, part)


OpenShop = Callable[..., StubShop]


def start(home: Path, base: int, *more: str, environ: Mapping[str, str] | None = None) -> StubShop:
    process = subprocess.Popen(
        [sys.executable, HERE / "stub_shop.py", home, str(base), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=dict(os.environ) | dict(environ or {}),
    )
    return StubShop(homes.at(home), base, process)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can get into: pytest's own are closed to others."""
    made = Path(tempfile.mkdtemp(prefix="roadbike-test-"))
    made.chmod(0o755)
    before = Path.cwd()
    yield made
    os.chdir(before)  # orders to a shop are given from inside its folder
    homes.empty(homes.at(made / "home"))
    shutil.rmtree(made)


@pytest.fixture
def base() -> int:
    return free_base()


@pytest.fixture
def open_shop(folder: Path, base: int) -> Iterator[OpenShop]:
    """Opens shops in one home, one after the other."""
    opened: list[StubShop] = []

    def open_(*more: str, environ: Mapping[str, str] | None = None) -> StubShop:
        opened.append(start(folder / "home", base, *more, environ=environ))
        opened[-1].wait_until_open()
        return opened[-1]

    yield open_
    for shop in opened:
        shop.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[StubShop]:
    """One open shop for the tests of a module that leave it as it was."""
    made = Path(tempfile.mkdtemp(prefix="roadbike-test-"))
    made.chmod(0o755)
    before = Path.cwd()
    running = start(made / "home", free_base())
    running.wait_until_open()
    yield running
    running.close()
    os.chdir(before)
    shutil.rmtree(made)


def free_base() -> int:
    """A number after which the next eleven ports are free."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            base = probe.getsockname()[1]
        if all(_is_free(base + offset) for offset in range(1, 12)):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True
