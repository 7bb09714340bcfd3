"""The programs that the shop is compared with: the usual way, and the raw limit.

They run on the same PostgreSQL server as the shop, with databases of their own. The usual way has a
virtual environment of its own: what it needs is not installed with the shop.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import asyncpg

from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home, passwords
from roadbike.local.ports import HOST, free_base
from roadbike.local.servers.postgres import SUPERUSER

RAW_LIMIT: Final = "roadbike.ops.bench.raw_limit:app"
ROLES: Final = ("reservation", "payment")
POOL: Final = 12  # connections of each worker; more made it slower
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0


class Other:
    """A program that was started. port: where it takes reservations. pids: by its part."""

    def __init__(self, port: int, pids: Mapping[str, int]) -> None:
        self.port, self.pids = port, dict(pids)


@contextmanager
def usual_way(folder: Path, urls: Mapping[str, str], workers: int) -> Iterator[Other]:
    """Run the usual way for the block.

    folder: its programs. urls: its databases by role. workers: processes of each of its services.
    """
    ports = dict(zip(ROLES, _free_ports(2), strict=True))
    payment_url = f"http://{HOST}:{ports['payment']}"
    with ExitStack() as stack:
        pids = {}
        for role in ROLES:
            environ = {"DATABASE_URL": urls[role], "PAYMENT_URL": payment_url}
            subprocess.run([_python(folder), "tables.py"], env=environ, cwd=folder, check=True)  # noqa: S603
            environ["POOL"] = str(POOL if workers == 1 else POOL // 2)
            pids[role] = stack.enter_context(
                _served("app:app", ports[role], workers, environ, folder)
            )
        yield Other(ports["reservation"], pids)


@contextmanager
def raw_limit(url: str) -> Iterator[Other]:
    """Run the raw limit for the block. url: its database."""
    (port,) = _free_ports(1)
    with _served(RAW_LIMIT, port, 1, {"DATABASE_URL": url.replace("+asyncpg", "")}) as pid:
        yield Other(port, {"raw limit": pid})


@contextmanager
def _served(
    app: str, port: int, workers: int, environ: Mapping[str, str], folder: Path | None = None
) -> Iterator[int]:
    python = _python(folder) if folder else sys.executable
    command = [python, "-m", "uvicorn", app, "--port", str(port), "--host", HOST]
    options = ["--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    environ = {**os.environ, **environ}
    program = subprocess.Popen([*command, *options], env=environ, cwd=folder)  # noqa: S603
    try:
        _wait_until_it_answers(program, port)
        yield program.pid
    finally:
        program.terminate()
        try:
            program.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _wait_until_it_answers(program: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urlopen(f"http://{HOST}:{port}/livez", timeout=1):
                return
        except (URLError, OSError):
            if program.poll() is not None or time.monotonic() > end:
                raise CommandError("bench-not-started", program=program.args) from None
            time.sleep(0.05)


def _python(folder: Path) -> str:
    """Return the Python for the programs in the folder; its environment lies in that of the shop.

    Raises CommandError without one.
    """
    python = Path(sys.prefix, folder.name, "bin", "python")
    if not python.exists():
        raise CommandError("bench-nothing-beside", path=python)
    return str(python)


def _free_ports(count: int) -> range:
    base = free_base(20_000, range(count))
    if base is None:
        raise CommandError("no-free-ports")
    return range(base, base + count)


async def database(home: Home, name: str) -> str:
    """Make the database, unless it exists; return its URL."""
    port = shop_file.read_known(home).ports["postgres"]
    password = passwords(home, "postgres", [SUPERUSER])[SUPERUSER]
    server = f"postgresql://{SUPERUSER}:{password}@{HOST}:{port}"
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
        if not known:
            await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return f"postgresql+asyncpg://{SUPERUSER}:{password}@{HOST}:{port}/{name}"
