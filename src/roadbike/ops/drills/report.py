"""What a drill counted and checked: for people as tables, for programs as JSON."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from roadbike.local.texts import say
from roadbike.ops.drills.answers import Answer, Tally, tally

COUNTS: Final = ("sent", "good", "refused", "late", "lost", "other")
TIMES: Final = ("p50", "p99", "refused_p99")  # milliseconds
GREEN, RED = "bold green", "bold red"
BAD: Final = frozenset({"late", "lost", "other"})


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has to hold. seen: what was wanted and found, as a sentence."""

    name: str
    passed: bool
    seen: str


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered in one phase of a drill."""

    title: str
    counts: Tally


class Report:
    """The findings of one drill. figures: what was measured and is not checked, as sentences."""

    def __init__(self, drill: str) -> None:
        self.drill = drill
        self.phases: list[Phase] = []
        self.checks: list[Check] = []
        self.figures: list[str] = []

    @property
    def passed(self) -> bool:
        """Return whether every check passed; a drill that has checked nothing has not passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def check(self, name: str, *, passed: bool, **facts: object) -> None:
        """Note whether it holds. Its sentence is `drill-check-NAME` with these facts."""
        seen = say(f"drill-check-{name}", **facts)
        self.checks.append(Check(name=name, passed=passed, seen=seen))

    def figure(self, name: str, **facts: object) -> None:
        """Note a figure that decides nothing. Its sentence is `drill-figure-NAME`."""
        self.figures.append(say(f"drill-figure-{name}", **facts))

    def phase(self, name: str, answers: Sequence[Answer], **facts: object) -> Tally:
        """Note the counts of these answers, and return them. Its title is `drill-phase-NAME`."""
        counted = tally(answers)
        title = say(f"drill-phase-{name}", **facts)
        self.phases.append(Phase(title=title, counts=counted))
        return counted

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(
            {
                "drill": self.drill,
                "passed": self.passed,
                "checks": self.checks,
                "phases": self.phases,
                "figures": self.figures,
            }
        )
        return found


def show(report: Report, to: Console) -> None:
    """Print the phases, the checks and the verdict."""
    to.print()
    to.rule(Text(f" {report.drill} ", "bold"), align="left", characters="─")
    if report.phases:
        to.print(_phases(report.phases))
    for check in report.checks:
        mark = Text("✓ ", GREEN) if check.passed else Text("✗ ", RED)
        to.print(mark + Text(check.seen, "" if check.passed else "red"), soft_wrap=True)
    for figure in report.figures:
        to.print(Text(f"· {figure}", "dim"), soft_wrap=True)
    slug = "drill-passed" if report.passed else "drill-failed"
    failed = sum(not check.passed for check in report.checks)
    line = say(slug, drill=report.drill, checks=len(report.checks), failed=failed)
    to.print(Text(f"\n{line}", GREEN if report.passed else RED))


def _phases(phases: Sequence[Phase]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column(say("drill-column-phase"), no_wrap=True)
    times = [name for name in TIMES if any(getattr(each.counts, name) for each in phases)]
    for name in (*COUNTS, "share", *times):
        table.add_column(say(f"drill-column-{name}"), justify="right", no_wrap=True)
    for phase in phases:
        counts = [_count(name, getattr(phase.counts, name)) for name in COUNTS]
        measured = [Text(f"{getattr(phase.counts, name):,.0f}") for name in times]
        table.add_row(Text(phase.title), *counts, Text(f"{phase.counts.share:.2f}"), *measured)
    return table


def _count(name: str, number: int) -> Text:
    if not number:
        return Text("0", "dim")
    return Text(f"{number:,}", "red" if name in BAD else "")
