"""Runs pytest in many copies of the repository, in forks of one process with the libraries loaded.

A program of its own, `preloaded.py CORES`: it reads a JSON list of runs from its input and writes
the list of their exit codes. Loading the libraries takes longer than most of the runs.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

LIBRARIES: Final = (
    *("aiohttp", "aiosqlite", "alembic.autogenerate", "asyncpg", "cryptography", "httpx"),
    *("hypothesis.stateful", "litestar", "litestar.openapi", "msgspec", "nats", "psutil", "rich"),
    *("sqlalchemy.ext.asyncio", "structlog", "typer", "uvicorn", "uvloop"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """pytest with these arguments in the folder `root`; what it writes goes into `output`."""

    root: str
    arguments: Sequence[str]
    output: str


def main(cores: int) -> None:
    """Run what the input says, as many at a time as there are cores."""
    runs = [Run(**each) for each in json.load(sys.stdin)]
    for name in LIBRARIES:
        import_module(name)
    codes, running = [0] * len(runs), dict[int, int]()
    for number, run in enumerate(runs):
        if len(running) == cores:
            _wait_for_one(running, codes)
        running[_forked(run)] = number
    while running:
        _wait_for_one(running, codes)
    json.dump(codes, sys.stdout)


def _forked(run: Run) -> int:
    """Return the process id of a fork that runs it."""
    if process := os.fork():
        return process
    with _inside(run):
        code = int(pytest.main([*run.arguments]))
    os._exit(code)


@contextmanager
def _inside(run: Run) -> Iterator[None]:
    os.chdir(run.root)
    sys.path[:1] = [run.root, f"{run.root}/src"]  # instead of the folder of this program
    with Path(run.output).open("wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        yield
        sys.stdout.flush()


def _wait_for_one(running: dict[int, int], codes: list[int]) -> None:
    process, status = os.wait()
    codes[running.pop(process)] = os.waitstatus_to_exitcode(status)


def as_json(runs: Sequence[Run]) -> str:
    """Return the runs as this program reads them."""
    return json.dumps([asdict(run) for run in runs])


if __name__ == "__main__":
    main(int(sys.argv[1]))
