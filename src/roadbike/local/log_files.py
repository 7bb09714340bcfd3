"""The log files of the parts: rotate at a start, read the last lines."""

from pathlib import Path
from typing import Final

MAX_BYTES: Final = 20_000_000  # a longer log is renamed to .log.1 when its part starts again
TAIL_BYTES: Final = 20_000  # read from the end of a log to find its last lines


def rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))


def last_lines(log: Path, count: int = 15) -> tuple[str, ...]:
    """Return at most `count` lines, all from the last 20 kB; empty when there is no such log."""
    if not log.exists():
        return ()
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return tuple(file.read().decode(errors="replace").splitlines()[-count:])
