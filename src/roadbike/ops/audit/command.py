"""`roadbike audit`: audit the open shop of a home and print what was found."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from roadbike.kit import logs
from roadbike.local import shop_file
from roadbike.local.commands.databases import in_use
from roadbike.local.home import Home
from roadbike.local.servers import AUDIT
from roadbike.local.supervisor import control
from roadbike.local.terminal import console
from roadbike.local.texts import say
from roadbike.ops.audit import repairs
from roadbike.ops.audit.invariants import IDS
from roadbike.ops.audit.report import Report
from roadbike.ops.audit.shop import NOT_AUDITED, audit_shop

WITHIN_SECONDS: Final = 60.0  # a shop becomes quiet


def run(
    home: Home,
    *,
    after_quiescence: bool,
    within: float = WITHIN_SECONDS,
    journals: Sequence[Path] = (),
    as_json: bool = False,
) -> int:
    """Audit the shop, print the report and return the exit code. Raises CommandError."""
    report = _report(home, after_quiescence=after_quiescence, within=within, journals=journals)
    if as_json:
        typer.echo(report.json())
    else:
        show(report)
    return report.exit_code


def fix(home: Home, *, within: float, journals: Sequence[Path], yes: bool) -> int:
    """Audit the shop and say what can be repaired; with `yes`, repair it and audit once more.

    Return the exit code of the last audit. Raises CommandError.
    """
    report = _report(home, after_quiescence=True, within=within, journals=journals)
    show(report)
    steps = repairs.plan(report)
    for line in repairs.planned(steps):
        typer.echo(line)
    if not steps or not yes:
        typer.echo(say("fix-with-yes" if steps else "fix-nothing"))
        return report.exit_code
    databases = shop_file.read_known(home).databases
    wanted = {name: databases[name] for name in repairs.SERVICES}
    with in_use(", ".join(wanted), next(iter(wanted.values()))):
        refused = asyncio.run(repairs.carry_out(wanted, steps))
    for line in refused:
        typer.echo(line)
    report = _report(home, after_quiescence=True, within=within, journals=journals)
    show(report)
    return report.exit_code


def _report(
    home: Home, *, after_quiescence: bool, within: float, journals: Sequence[Path]
) -> Report:
    logs.configure(AUDIT, "error")  # standard output is for the report
    try:
        return asyncio.run(
            audit_shop(home, after_quiescence=after_quiescence, within=within, journals=journals)
        )
    except control.NotRunning as error:
        error.code = NOT_AUDITED
        raise


def show(report: Report) -> None:
    """Print what is wrong, what was not checked and why, and how many invariants hold."""
    terminal = console()
    for line in report.lines():
        terminal.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    by_reason: dict[str, list[str]] = {}
    for id_, reason in report.not_checked.items():
        by_reason.setdefault(reason, []).append(id_)
    for reason, ids in by_reason.items():
        line = say("audit-not-checked", ids=", ".join(ids), reason=reason)
        terminal.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
    holding = [id_ for id_ in report.violations if id_ not in report.violated]
    verdict = say(
        "audit-verdict", holding=len(holding), total=len(IDS), seconds=f"{report.seconds:.1f}"
    )
    style = "bold red" if report.exit_code else "bold"
    terminal.print(verdict, style=style, markup=False, highlight=False)
