"""The log files of the parts: keep them short, also while the parts run; read the last lines."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from roadbike.local import own
from roadbike.local.errors import CommandError

MAX_BYTES: Final = 20_000_000  # of a log; what is in it then moves to .log.1
CHECK_SECONDS: Final = 5.0
TAIL_BYTES: Final = 20_000  # read from the end of a log at first, to find its last lines


async def keep_short(logs: Sequence[Path]) -> None:
    """Rotate the logs whenever they are too long, until cancelled."""
    while True:
        for log in logs:
            with contextlib.suppress(OSError, CommandError):  # no space, or a link: try again
                await asyncio.to_thread(rotate, log)
        await asyncio.sleep(CHECK_SECONDS)


def rotate(log: Path, max_bytes: int = MAX_BYTES) -> None:
    """Move what is in a log that is too long to its .log.1, in place of what is there.

    The log is copied and emptied, because the part that writes it has it open for appending. A
    line that is written at the moment between the two is lost.
    """
    if not log.exists() or log.stat().st_size <= max_bytes:
        return
    copy = log.with_suffix(".log.1")
    copy.unlink(missing_ok=True)
    with own.opened(log) as source, own.append(copy) as target:
        shutil.copyfileobj(source, target, 1 << 20)
        os.truncate(source.fileno(), 0)


def last_lines(log: Path, count: int = 15) -> tuple[str, ...]:
    """Return the last lines, at most `count`; empty when there is no such log."""
    if not log.exists() or not count:
        return ()
    length = TAIL_BYTES
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        while True:
            file.seek(max(0, size - length))
            found = file.read(length)
            if length >= size or found.count(b"\n") > count:
                return tuple(lines(found)[-count:])
            length *= 2


def lines(found: bytes) -> Sequence[str]:
    """Return the lines, each without its end."""
    return found.decode(errors="replace").rstrip("\n").split("\n") if found else ()
