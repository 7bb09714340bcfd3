"""What `roadbike status --watch` shows: what is wrong, in words, and a table of all parts."""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from roadbike.local.commands import status_table, verdict
from roadbike.local.commands.figures import Figures
from roadbike.local.commands.looks import Look
from roadbike.local.commands.status import PartStatus
from roadbike.local.commands.verdict import Reason
from roadbike.local.terminal import state_text
from roadbike.local.texts import say

OLD_SECONDS: Final = 30  # an event that waits longer to be sent is worth a word
LATE_MS: Final = 100  # of an event loop that has too much work
MUCH: Final = 0.05  # of a service's requests, refused
CLOSED: Final = "closed"
COLUMNS: Final = (
    *("part", "state", "per_second", "p99_ms", "refused_per_second", "failed_per_second"),
    *("unsent", "lag", "parked", "dead", "pool", "cpu_percent", "memory_mb"),
)
TEXTS: Final = ("part", "state")
LOUD: Final = ("parked", "dead")
# left out in this order if too wide
OPTIONAL: Final = ("memory_mb", "pool", "parked", "cpu_percent", "lag", "p99_ms", "dead")
ANY_WIDTH: Final = 1000  # wider than any table
NO_FIGURES: Final = Figures()


def picture(look: Look, to: Console) -> RenderableType:
    """Return what a terminal shows: problems at the top, then numbers, then the table."""
    wrong = problems(look)
    said = [Text(f"! {line}", "yellow") for line in wrong] or [Text(say("watch-all-well"), "green")]
    return Group(*said, Text(_totals(look)), Text(), _fitting(look, to), Text(), _hint())


def lines(look: Look) -> list[str]:
    """Return the lines of a pipe or a file: one with the numbers, and one for each problem."""
    wrong = problems(look)
    return [_totals(look), *(wrong or [say("watch-all-well")])]


def problems(look: Look) -> list[str]:
    """Return what is wrong, each in one sentence that begins with the part."""
    found = []
    for row in look.rows:
        of = look.figures.get(row.part, NO_FIGURES)
        sentences = [_sentence(row, reason) for reason in verdict.reasons(row)]
        sentences += [
            say(f"watch-breaker-{state}", breaker=name)
            for name, state in of.breakers.items()
            if state != CLOSED
        ]
        if of.outbox_age > OLD_SECONDS:
            sentences.append(
                say("watch-outbox-old", seconds=of.outbox_age, count=_number(row.unsent))
            )
        if of.late_ms > LATE_MS:
            sentences.append(say("watch-late", ms=of.late_ms))
        if of.failed:
            sentences.append(say("watch-failing", number=f"{of.failed:.1f}"))
        if of.refused > MUCH * of.per_second:
            share = round(100 * of.refused / of.per_second)
            sentences.append(say("watch-refusing", percent=share))
        found += [say("part-problem", part=row.part, problem=each) for each in sentences]
    return found


def _sentence(row: PartStatus, reason: Reason) -> str:
    if reason is Reason.NOT_READY and row.state != "ready":
        return say(f"state-{row.state}")
    return status_table.sentence(row, reason)


def _totals(look: Look) -> str:
    figures = look.figures.values()
    return say(
        "watch-totals",
        time=f"{look.at.astimezone():%H:%M:%S}",
        requests=f"{sum(each.per_second for each in figures):.1f}",
        unsent=sum(_number(row.unsent) for row in look.rows),
        lag=sum(_number(row.lag) for row in look.rows),
    )


def _hint() -> Text:
    return Text(say("watch-leave"), "dim")


def _fitting(look: Look, to: Console) -> Table:
    """Leave optional columns out until the table fits: nothing in it is shortened."""
    left_out = 0
    while True:
        table = _table(look, [name for name in COLUMNS if name not in OPTIONAL[:left_out]])
        width = Measurement.get(to, to.options.update(width=ANY_WIDTH), table).maximum
        if width <= to.width or left_out == len(OPTIONAL):
            return table
        left_out += 1


def _table(look: Look, columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(
            say(f"column-{name}"), no_wrap=True, justify="left" if name in TEXTS else "right"
        )
    for row in look.rows:
        table.add_row(*(_cell(row, look.figures.get(row.part), name) for name in columns))
    return table


def _cell(row: PartStatus, of: Figures | None, column: str) -> Text:
    match column:
        case "part":
            return Text(row.part)
        case "state":
            return state_text("not-ready" if row.state == "ready" and not row.ready else row.state)
        case "per_second" | "refused_per_second" | "failed_per_second":
            return _rate(of, column)
        case "p99_ms":
            return Text("" if of is None or of.p99_ms is None else f"{of.p99_ms:.0f}")
        case "pool":
            return Text("" if of is None else of.fullest_pool)
        case _:
            return _count(row, column)


def _count(row: PartStatus, column: str) -> Text:
    value = getattr(row, column)
    if value is None or value is UNSET:
        return Text()
    return Text(str(value), "red") if value and column in LOUD else _dim_if_zero(str(value))


def _rate(of: Figures | None, column: str) -> Text:
    if of is None:
        return Text()
    names = {"refused_per_second": "refused", "failed_per_second": "failed"}
    value: float = getattr(of, names.get(column, column))
    if value and column in names:
        return Text(f"{value:.1f}", "yellow")
    return _dim_if_zero(f"{value:.1f}")


def _dim_if_zero(number: str) -> Text:
    return Text(number, "" if float(number) else "dim")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
