"""`roadbike logs`: the lines of all parts' logs, merged by time; with -f new ones as they come."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final, TextIO

from roadbike.local import replicas
from roadbike.local.commands.log_lines import Line, Wanted, parsed
from roadbike.local.errors import CommandError, did_you_mean
from roadbike.local.home import Home
from roadbike.local.log_files import last_lines, lines
from roadbike.local.texts import say

POLL_SECONDS: Final = 0.2
USUAL_COUNT: Final = 20  # lines of each log, when nothing certain is wanted


def show(
    home: Home,
    part: str | None,
    *,
    follow: bool,
    count: int | None,
    wanted: Wanted,
    to: TextIO = sys.stdout,
) -> None:
    """Print the wanted lines of one part or of all, merged by time.

    count: at most so many of each log; None: 20, and without a limit when `wanted` says which.
    Raises CommandError without a log.
    """
    files = _files(home, part)
    ends = {file: file.stat().st_size for file in files}
    named = len(files) > 1
    if count is None and wanted.is_everything:
        count = USUAL_COUNT
    found = wanted.among(_merged(_lines(file, wanted, count) for file in files))
    _print(found if wanted.is_everything else _last_of_each(found, count), to, named=named)
    while follow:
        time.sleep(POLL_SECONDS)
        new = []
        for file in files:
            ends[file], texts = _new_lines(file, ends[file])
            new.append(list(parsed(file.stem, texts)))
        _print(wanted.among(_merged(new)), to, named=named)


def _lines(file: Path, wanted: Wanted, count: int | None) -> Iterable[Line]:
    if wanted.is_everything and count is not None:
        return parsed(file.stem, last_lines(file, count))
    before = file.with_suffix(".log.1")
    texts = [text for each in (before, file) if each.exists() for text in lines(each.read_bytes())]
    return parsed(file.stem, texts)


def _merged(logs: Iterable[Iterable[Line]]) -> list[Line]:
    return sorted((line for log in logs for line in log), key=attrgetter("at"))


def _last_of_each(found: Sequence[Line], count: int | None) -> Sequence[Line]:
    """Return the last lines of each part, at most `count`."""
    if count is None:
        return found
    left = dict.fromkeys({line.part for line in found}, count)
    kept = []
    for line in reversed(found):
        left[line.part] -= 1
        if left[line.part] >= 0:
            kept.append(line)
    return kept[::-1]


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


def _print(found: Iterable[Line], to: TextIO, *, named: bool) -> None:
    for line in found:
        text = line.readable if to.isatty() else line.text
        to.write(f"{line.part:<12} {text}\n" if named else f"{text}\n")
    to.flush()


def _new_lines(file: Path, end: int) -> tuple[int, Sequence[str]]:
    """Return where the next look begins, and the complete lines after `end`."""
    size = file.stat().st_size if file.exists() else 0
    if size < end:  # the log was rotated or deleted: read the new one from its beginning
        end = 0
    if size == end:
        return end, ()
    with file.open("rb") as log:
        log.seek(end)
        added = log.read()
    whole = added[: added.rfind(b"\n") + 1]
    return end + len(whole), lines(whole)
