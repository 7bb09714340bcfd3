"""`roadbike logs`: the last lines of each part's log, and with -f new ones as they come."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

from roadbike.local import replicas
from roadbike.local.errors import CommandError, did_you_mean
from roadbike.local.home import Home
from roadbike.local.log_files import last_lines
from roadbike.local.texts import say

POLL_SECONDS: Final = 0.2


def show(
    home: Home, part: str | None, *, follow: bool, count: int, to: TextIO = sys.stdout
) -> None:
    """Print the last `count` lines of one part or of all. Raises CommandError without a log."""
    files = _files(home, part)
    ends = {file: file.stat().st_size for file in files}
    for file in files:
        _print(file, last_lines(file, count), to, named=len(files) > 1)
    while follow:
        time.sleep(POLL_SECONDS)
        for file in files:
            ends[file] = _print_new(file, ends[file], to, named=len(files) > 1)


def _files(home: Home, part: str | None) -> list[Path]:
    existing = {file.stem: file for file in sorted(home.logs.glob("*.log"))}
    if existing and part is None:
        return list(existing.values())
    if part is not None and (found := _of(part, existing)):
        return found
    if part is None:
        raise CommandError("no-log", folder=home.logs)
    names, hint = ", ".join(existing), did_you_mean(part, existing)
    known = say("known-logs", names=names, hint=hint) if existing else ""
    raise CommandError("no-log-of", part=part, folder=home.logs, known=known)


def _of(part: str, existing: Mapping[str, Path]) -> list[Path]:
    """Return the log of the part; those of all replicas of a service, and of when it had none."""
    # only existing names count, so it cannot be a path to a file outside of the folder
    return [file for name, file in existing.items() if part in {name, replicas.service_of(name)}]


def _print(file: Path, lines: Sequence[str], to: TextIO, *, named: bool) -> None:
    to.writelines(f"{file.stem:<12} {line}\n" if named else f"{line}\n" for line in lines)
    to.flush()


def _print_new(file: Path, end: int, to: TextIO, *, named: bool) -> int:
    """Print the complete lines after `end`, and return where the next look begins."""
    size = file.stat().st_size if file.exists() else 0
    if size < end:  # the log was rotated or deleted: read the new one from its beginning
        end = 0
    if size == end:
        return end
    with file.open("rb") as log:
        log.seek(end)
        added = log.read()
    lines = added[: added.rfind(b"\n") + 1]
    _print(file, lines.decode(errors="replace").splitlines(), to, named=named)
    return end + len(lines)
