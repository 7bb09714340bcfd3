"""`roadbike logs`: the last lines of each part's log, and with -f those to come."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from roadbike.local.errors import CommandError, nearest
from roadbike.local.home import Home
from roadbike.local.log_files import last_lines

LOOK: Final = 0.2  # seconds


def show(
    home: Home, part: str | None, *, follow: bool, count: int, to: TextIO = sys.stdout
) -> None:
    files = [home.log(part)] if part else sorted(home.logs.glob("*.log"))
    if not files or not all(file.exists() for file in files):
        there = sorted(file.stem for file in home.logs.glob("*.log"))
        wanted = f"log of {part}" if part else "log"
        meant = nearest(part or "", there)
        raise CommandError(
            f"there is no {wanted} in {home.logs}: there are {', '.join(there) or 'none'}{meant}"
        )
    ends = {file: file.stat().st_size for file in files}
    for file in files:
        _print(file, last_lines(file, count), to, named=part is None)
    while follow:
        time.sleep(LOOK)
        for file in files:
            ends[file] = _print_new(file, ends[file], to, named=part is None)


def _print(file: Path, lines: Sequence[str], to: TextIO, *, named: bool) -> None:
    to.writelines(f"{file.stem:<12} {line}\n" if named else f"{line}\n" for line in lines)
    to.flush()


def _print_new(file: Path, end: int, to: TextIO, *, named: bool) -> int:
    """Prints whole lines only; where the next look begins."""
    size = file.stat().st_size if file.exists() else 0
    if size < end:  # put aside, or a new shop: from its beginning
        end = 0
    if size == end:
        return end
    with file.open("rb") as log:
        log.seek(end)
        fresh = log.read()
    whole = fresh[: fresh.rfind(b"\n") + 1]
    _print(file, whole.decode(errors="replace").splitlines(), to, named=named)
    return end + len(whole)
