"""Logs stay short while their parts run, and lose no line that was written before."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadbike.local import own
from roadbike.local.errors import CommandError
from roadbike.local.log_files import MAX_BYTES as LIMIT
from roadbike.local.log_files import keep_short, last_lines, rotate

MAX_BYTES = 10_000
WRITER = "while line := input(): print(line, flush=True)"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "stock.log"


@pytest.fixture
def writer(log: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that appends each line it is given to the log, as the parts of a shop do."""
    with own.append(log) as file:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=file, text=True
        )
    yield process
    process.kill()
    process.wait()


def write(writer: subprocess.Popen[str], log: Path, lines: list[str]) -> None:
    assert writer.stdin is not None
    for line in lines:
        writer.stdin.write(f"{line}\n")
    writer.stdin.flush()
    while lines[-1] not in log.read_text():
        assert writer.poll() is None


def test_a_long_log_moves_while_its_part_goes_on_writing(
    log: Path, writer: subprocess.Popen[str]
) -> None:
    before = [f"before {number:0200}" for number in range(100)]
    write(writer, log, before)

    rotate(log, MAX_BYTES)
    write(writer, log, ["after"])

    assert log.with_suffix(".log.1").read_text().splitlines() == before
    assert log.read_text() == "after\n"
    assert last_lines(log) == ("after",)


def test_a_short_log_stays_as_it_is(log: Path) -> None:
    log.write_text("a line\n")

    rotate(log, MAX_BYTES)

    assert log.read_text() == "a line\n"
    assert not log.with_suffix(".log.1").exists()


def test_the_log_before_is_replaced(log: Path) -> None:
    log.with_suffix(".log.1").write_text("old")
    log.write_text("x" * (MAX_BYTES + 1))

    rotate(log, MAX_BYTES)

    assert log.with_suffix(".log.1").read_text() == "x" * (MAX_BYTES + 1)
    assert log.stat().st_size == 0


def test_a_link_in_place_of_a_log_is_refused(log: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_text("x" * (MAX_BYTES + 1))
    log.symlink_to(foreign)

    with pytest.raises((CommandError, OSError)):
        rotate(log, MAX_BYTES)

    assert foreign.stat().st_size == MAX_BYTES + 1


async def test_logs_are_watched_all_the_time(log: Path, tmp_path: Path) -> None:
    with own.append(log) as file:
        file.truncate(LIMIT + 1)

    watching = asyncio.create_task(keep_short([tmp_path / "missing.log", log]))
    async with asyncio.timeout(10):
        while log.stat().st_size:  # noqa: ASYNC110, ASYNC240 another thread empties the file
            await asyncio.sleep(0.01)
    watching.cancel()

    assert log.with_suffix(".log.1").stat().st_size == LIMIT + 1
