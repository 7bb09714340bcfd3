"""A shop of real processes, opened and controlled by the real command `roadbike`."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from roadbike.local import home as homes
from roadbike.local import services
from roadbike.local.home import Home
from tests.ports import PORTS, REPLICA_PORTS, free_base

ROADBIKE: Final = Path(sys.executable).with_name("roadbike")
SERVICES: Final = tuple(spec.name for spec in services.SERVICES)
PARTS: Final = (*SERVICES, "nats", "set-up", "gateway", "postgres")
TIMEOUT_SECONDS: Final = 240  # for one command, on a busy machine


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The exit code of a command and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shop:
    """A shop in a folder of its own, which may be open or not. base: its first port."""

    home: Home
    base: int
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def shop_file(self) -> dict[str, Any]:
        listing: dict[str, Any] = json.loads(self.home.shop_json.read_text())
        return listing

    @property
    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = self.shop_file["pids"]
        return pids

    def address(self, name: str) -> str:
        address: str = self.shop_file["addresses"][name]
        return address

    def processes(self) -> list[psutil.Process]:
        """Return every process of this shop, including those that shop.json does not list."""
        supervisor = psutil.Process(self.pids["supervisor"])
        return [supervisor, *supervisor.children(recursive=True)]

    def up(self, *more: str, environ: Mapping[str, str] | None = None) -> CommandResult:
        """Run `roadbike up --detach`, which ends when the shop is open or cannot be opened."""
        arguments = ("up", "--port-base", str(self.base), "--detach", *more)
        done = subprocess.run(  # noqa: S603  our own command
            self.command(*arguments),
            env=command_environment({**self.environ, **(environ or {})}),
            capture_output=True,
            text=True,
            cwd="/",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout, done.stderr)

    async def roadbike(self, *arguments: str, **environ: str) -> CommandResult:
        """Run another command on this shop."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*arguments),
            env=command_environment(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
        )
        async with asyncio.timeout(TIMEOUT_SECONDS):
            out, err = await process.communicate()
        return CommandResult(process.returncode or 0, out.decode(), err.decode())

    async def roadbike_ok(self, *arguments: str) -> None:
        """Run a command on this shop. Raises AssertionError if it fails."""
        result = await self.roadbike(*arguments)
        assert result.code == 0, result

    def command(self, *arguments: str) -> list[str]:
        return [str(ROADBIKE), *arguments, "--home", str(self.home.path)]

    def last_lines(self, count: int = 12) -> str:
        """Return the last lines of every log."""
        logs = sorted(self.home.logs.glob("*.log"))
        ends = {log.name: log.read_text(errors="replace").splitlines()[-count:] for log in logs}
        return "\n".join(f"{name}: {line}" for name, lines in ends.items() for line in lines)


@contextmanager
def temporary_shop(environ: Mapping[str, str] | None = None) -> Iterator[Shop]:
    """Make a folder and find ports for a shop; close and delete the shop at the end."""
    # not below pytest's own folders: the user that PostgreSQL runs as cannot enter them
    folder = Path(tempfile.mkdtemp(prefix="roadbike-system-"))
    folder.chmod(0o755)
    shop = Shop(homes.at(folder / "shop"), free_base(*PORTS, *REPLICA_PORTS), environ or {})
    try:
        yield shop
    finally:
        close(shop)
        shutil.rmtree(folder)


def close(shop: Shop) -> None:
    """Kill all processes of the shop and empty its folder."""
    if not shop.home.path.exists():
        return
    claim = homes.lock(shop.home)
    if claim is None:  # the supervisor holds it
        processes = shop.processes()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=5)
    else:
        os.close(claim)
    homes.empty(shop.home)


def command_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command, without the ROADBIKE_ variables of this process."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("ROADBIKE_")}
    return ours | dict(more)
