"""`roadbike drill`: the list of the drills, and how one is played and reported."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from roadbike.local.errors import CommandError, did_you_mean
from roadbike.local.exit_code import exit_code_of
from roadbike.local.home import Home
from roadbike.local.terminal import console, error_console
from roadbike.ops.audit.shop import audit_shop
from roadbike.ops.drills import breaker, hung_payment, overload, report, restart, stock_outage
from roadbike.ops.drills.drill import Drill, Size
from roadbike.ops.drills.inside import say_limits
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.shop import Elsewhere, drilled
from roadbike.ops.journal import Journal
from roadbike.ops.own_shop import own_shop

PLAYED: Final = (restart, stock_outage, breaker, overload, hung_payment)
DRILLS: Final[Mapping[str, Drill]] = {each.DRILL.name: each.DRILL for each in PLAYED}
ALL: Final = "all"
QUIET_SECONDS: Final = 60.0  # the audit waits so long until no service has anything left to do


class ExitCode(IntEnum):
    """What `roadbike drill` ends with."""

    PASSED = 0
    FAILED = 1
    NOT_PLAYED = 2


def show_list(to: Console) -> None:
    """Print the names of the drills and what each is for."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    for drill in DRILLS.values():
        table.add_row(drill.name, drill.title)
    to.print(table)


def drills_named(names: Sequence[str]) -> list[Drill]:
    """Return them; `all` is every drill. Raises CommandError for a name that no drill has."""
    if list(names) == [ALL]:
        return [*DRILLS.values()]
    for name in names:
        if name not in DRILLS:
            hint = did_you_mean(name, DRILLS)
            raise CommandError(
                "no-such-drill",
                name=name,
                drills=", ".join(DRILLS),
                hint=hint,
                code=ExitCode.NOT_PLAYED,
            )
    return [DRILLS[name] for name in names]


def play_all(
    drills: Sequence[Drill], at: Home | Elsewhere | None, size: Size, *, as_json: bool
) -> ExitCode:
    """Play the drills in turn and print what they found; return the worst of their exit codes.

    at: the shop; None for one of its own for each drill.
    """
    return max(_play(drill, at, size, as_json=as_json) for drill in drills)


def _play(drill: Drill, at: Home | Elsewhere | None, size: Size, *, as_json: bool) -> ExitCode:
    """A drill that cannot be played says why, and the next one follows."""
    found = Report(drill.name)

    def play() -> None:
        with _shop(drill, at, size) as shop:
            asyncio.run(play_at(shop, drill, found, size))

    if exit_code_of(play):
        return ExitCode.NOT_PLAYED
    if as_json:
        sys.stdout.write(msgspec.json.encode(found.as_json()).decode() + "\n")
    else:
        report.show(found, console())
    return ExitCode.PASSED if found.passed else ExitCode.FAILED


@contextmanager
def _shop(drill: Drill, at: Home | Elsewhere | None, size: Size) -> Iterator[Home | Elsewhere]:
    if at is not None:
        yield at
        return
    try:
        environ = {**os.environ, **drill.settings(size)}
        with own_shop(environ, "drill", drill.replicas, to=error_console()) as home:
            yield home
    finally:
        drill.after()


async def play_at(at: Home | Elsewhere, drill: Drill, found: Report, size: Size) -> None:
    began, to = time.monotonic(), error_console()

    def note(line: str) -> None:
        to.print(Text(f"{time.monotonic() - began:6.1f} s  {line}", "dim"), soft_wrap=True)

    async with drilled(at, note) as shop:
        if shop.home is None:
            await drill.play(shop, found, size)
            found.figure("limits-not-known")
            found.figure("not-audited")
            return
        with TemporaryDirectory() as folder, Journal(Path(folder, "journal")) as journal:
            shop.journal = journal
            say_limits(found, shop.home)
            await drill.play(shop, found, size)
            shop.say("drill-auditing")
            audited = await audit_shop(
                shop.home, after_quiescence=True, within=QUIET_SECONDS, journals=[journal.path]
            )
        checked = len(audited.violations)
        holding = checked - len(audited.violated)
        found.check("audit", passed=not audited.exit_code, holding=holding, checked=checked)
        for line in audited.lines():
            found.figure("audited", line=line)
