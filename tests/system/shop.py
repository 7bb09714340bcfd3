"""A shop of real processes, opened and looked after by the real command `roadbike`."""

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
from tests.ports import free_base

ROADBIKE: Final = Path(sys.executable).with_name("roadbike")
SERVICES: Final = tuple(spec.name for spec in services.SERVICES)
PARTS: Final = (*SERVICES, "nats", "gateway", "postgres")
PATIENCE: Final = 120  # seconds for one command


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shop:
    home: Home
    base: int
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def listing(self) -> dict[str, Any]:
        listing: dict[str, Any] = json.loads(self.home.shop_json.read_text())
        return listing

    @property
    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = self.listing["pids"]
        return pids

    def address(self, name: str) -> str:
        address: str = self.listing["addresses"][name]
        return address

    def processes(self) -> list[psutil.Process]:
        """Every process of this shop, those that nobody lists included."""
        supervisor = psutil.Process(self.pids["supervisor"])
        return [supervisor, *supervisor.children(recursive=True)]

    def up(self, *more: str, environ: Mapping[str, str] | None = None) -> Said:
        """`roadbike up --detach`: returns when the shop is open, or could not be opened."""
        words = ("up", "--port-base", str(self.base), "--detach", *more)
        done = subprocess.run(  # noqa: S603  our own command
            self.command(*words),
            env=surroundings({**self.environ, **(environ or {})}),
            capture_output=True,
            text=True,
            cwd="/",
            timeout=PATIENCE,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    async def order(self, *words: str, **environ: str) -> Said:
        """Any other command on this shop, run beside whatever the test is doing."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*words),
            env=surroundings(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
        )
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
        return Said(process.returncode or 0, out.decode(), err.decode())

    async def obey(self, *words: str) -> None:
        said = await self.order(*words)
        assert said.code == 0, said

    def command(self, *words: str) -> list[str]:
        return [str(ROADBIKE), *words, "--home", str(self.home.path)]

    def last_lines(self, count: int = 12) -> str:
        """The end of every log, for whoever has to find out why a test failed."""
        logs = sorted(self.home.logs.glob("*.log"))
        ends = {log.name: log.read_text(errors="replace").splitlines()[-count:] for log in logs}
        return "\n".join(f"{name}: {line}" for name, lines in ends.items() for line in lines)


@contextmanager
def a_shop(environ: Mapping[str, str] | None = None) -> Iterator[Shop]:
    """A folder and ports for a shop; whatever was opened there is closed and deleted at the end."""
    # not below pytest's own folders: they are closed to the user that PostgreSQL runs as
    folder = Path(tempfile.mkdtemp(prefix="roadbike-system-"))
    folder.chmod(0o755)
    shop = Shop(homes.at(folder / "shop"), free_base(), environ or {})
    try:
        yield shop
    finally:
        close(shop)
        shutil.rmtree(folder)


def close(shop: Shop) -> None:
    """It is to be deleted: nothing needs to end in order."""
    if not shop.home.path.exists():
        return
    claim = homes.lock(shop.home)
    if claim is None:  # somebody has it: the supervisor that is listed is alive
        processes = shop.processes()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=5)
    else:
        os.close(claim)
    homes.empty(shop.home)


def surroundings(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: nothing that the person at the keyboard set for their shop."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("ROADBIKE_")}
    return ours | dict(more)
