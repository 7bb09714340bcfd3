"""A shop of stub services: real PostgreSQL, NATS and Traefik under the real supervisor."""

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
from roadbike.local.supervisor.control import Verb

HERE = Path(__file__).parent
NEEDED_BYTES = 2 * 1024**3
OPEN_LINE = "The shop is open"
AS_ROOT = "The services run as root: "  # printed when root's installation is closed to others


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class StubShop:
    """A running `roadbike up`; `output` is what it has printed so far."""

    home: Home
    base: int
    process: "subprocess.Popen[str]"
    output: str = ""

    @property
    def shop_json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.home.shop_json.read_text())
        return content

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.base + 8}"

    @property
    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = self.shop_json["pids"]
        return pids

    def ask(
        self, path: str, method: str = "GET", *, body: bytes | None = None, **headers: str
    ) -> "Answer":
        """Send a request through the gateway; headers are named with underscores."""
        connection = HTTPConnection("127.0.0.1", self.base + 8, timeout=15)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def processes(self) -> list[psutil.Process]:
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def wait_until_open(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if OPEN_LINE in line:
                return
        pytest.fail(f"the shop does not open:\n{self.output}")

    def ctrl_c(self) -> None:
        """Interrupt the process group, as Ctrl-C in a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=60)
        self.output += rest
        return self.process.returncode

    def command(self, verb: Verb, part: str = "") -> Any:
        return control.ask(self.home, verb, part)


def failed_start(home: Path, base: int, *more: str) -> str:
    """Start a shop that cannot open, and return what it prints."""
    shop = start(home, base, *more)
    output, _ = shop.process.communicate(timeout=120)
    assert shop.process.returncode == 1
    assert "Traceback" not in output
    return output


def start(
    home: Path,
    base: int,
    *more: str,
    environ: Mapping[str, str] | None = None,
    python: Path = Path(sys.executable),
    umask: int = -1,
) -> StubShop:
    process = subprocess.Popen(  # noqa: S603  this same program
        [python, HERE / "run_stub_shop.py", home, str(base), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=dict(os.environ) | dict(environ or {}),
        umask=umask,
        process_group=0,  # Ctrl-C can be sent to the group, as a terminal does
    )
    return StubShop(homes.at(home), base, process)


def new_folder() -> Path:
    """Make a folder that PostgreSQL's user can enter, unlike pytest's; in memory if possible."""
    memory = Path("/dev/shm")  # noqa: S108  mkdtemp makes a private folder in it
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > NEEDED_BYTES
    made = Path(tempfile.mkdtemp(prefix="roadbike-test-", dir=memory if has_room else None))
    made.chmod(0o755)
    return made
