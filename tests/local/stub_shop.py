"""A shop of stubs: real PostgreSQL, NATS and Traefik under the real supervisor."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from roadbike.local import home as homes
from roadbike.local.home import Home
from roadbike.local.supervisor import control

HERE = Path(__file__).parent
ROOM = 2 * 1024**3  # bytes
OPEN = "The shop is open"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class StubShop:
    home: Home
    base: int
    process: "subprocess.Popen[str]"
    said: str = ""

    @property
    def listing(self) -> dict[str, Any]:
        listing: dict[str, Any] = json.loads(self.home.shop_json.read_text())
        return listing

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.base + 8}"

    @property
    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = self.listing["pids"]
        return pids

    def ask(
        self, path: str, method: str = "GET", *, body: bytes | None = None, **headers: str
    ) -> "Answer":
        """Through the gateway; a header's name is written with underscores."""
        line = HTTPConnection("127.0.0.1", self.base + 8, timeout=15)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            line.request(method, path, body=body, headers=named)
            answer = line.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            line.close()

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

    def ctrl_c(self) -> None:
        """As a terminal does, to all in the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode

    def order(self, what: str, part: str = "") -> Any:
        return control.ask(self.home, what, part)


def failed_start(home: Path, base: int, *more: str) -> str:
    """What a shop says that does not open."""
    shop = start(home, base, *more)
    said, _ = shop.process.communicate(timeout=120)
    assert shop.process.returncode == 1
    assert "Traceback" not in said
    return said


def start(home: Path, base: int, *more: str, environ: Mapping[str, str] | None = None) -> StubShop:
    process = subprocess.Popen(  # noqa: S603  this same program
        [sys.executable, HERE / "stub_shop.py", home, str(base), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=dict(os.environ) | dict(environ or {}),
        process_group=0,  # a Ctrl-C can be sent to it, as a terminal does
    )
    return StubShop(homes.at(home), base, process)


def new_folder() -> Path:
    """One that PostgreSQL's user can get into, unlike pytest's own; in memory where that is."""
    memory = Path("/dev/shm")  # noqa: S108  mkdtemp makes a private folder in it
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    made = Path(tempfile.mkdtemp(prefix="roadbike-test-", dir=memory if roomy else None))
    made.chmod(0o755)
    return made
