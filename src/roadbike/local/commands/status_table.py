"""The table that `roadbike status` prints."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import UNSET
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from roadbike.local.commands import verdict
from roadbike.local.commands.status import SERVERS, PartStatus
from roadbike.local.commands.verdict import Reason
from roadbike.local.invocation import command_line
from roadbike.local.servers.nats import SET_UP
from roadbike.local.terminal import state_text
from roadbike.local.texts import say

COLUMNS: Final = (
    *("part", "state", "pid", "port", "restarts", "memory_mb", "cpu_percent"),
    *("database", "unsent", "lag"),
)
COUNTS: Final = (  # columns only if one of them is not 0
    *("missing", "parked", "stuck", "dead", "kept", "refused"),
    *("unanswered", "pending", "unsettled"),
)
TEXTS: Final = ("part", "state", "database")
# left out in this order if too wide
OPTIONAL: Final = ("cpu_percent", "pid", "database", "port", "restarts", "memory_mb")
COLOURS: Final[Mapping[str, str]] = {
    "dead": "red",
    "missing": "red",
}  # of counts that are not 0; others are yellow
ANY_WIDTH: Final = 1000  # wider than any table


def show(rows: Sequence[PartStatus], to: Console) -> None:
    some = [name for name in COUNTS if any(getattr(row, name) for row in rows)]
    to.print(_fitting(rows, [*COLUMNS, *some], to))
    for row in rows:
        for reason in verdict.reasons(row):
            line = say("part-problem", part=row.part, problem=sentence(row, reason))
            to.print(line, markup=False, highlight=False, style="yellow")
        if row.last_end:
            line = say("part-last-end", part=row.part, last_end=row.last_end)
            to.print(line, markup=False, highlight=False)
    if none := [say(f"count-{name}") for name in COUNTS if name not in some]:
        slug = "none-of" if _is_complete(rows) else "none-of-in-part"
        to.print(say(slug, what=_summary(none)), markup=False, highlight=False)


def _fitting(rows: Sequence[PartStatus], columns: Sequence[str], to: Console) -> Table:
    """Leave optional columns out until the table fits: nothing in it is shortened.

    Without all of them the columns stand closer together, too.
    """
    left_out = 0
    while True:
        table = _table(rows, [name for name in columns if name not in OPTIONAL[:left_out]])
        table.collapse_padding = left_out == len(OPTIONAL)
        width = Measurement.get(to, to.options.update(width=ANY_WIDTH), table).maximum
        if width <= to.width or left_out == len(OPTIONAL):
            return table
        left_out += 1


def _table(rows: Sequence[PartStatus], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(
            say(f"column-{name}"),
            no_wrap=True,
            justify="left" if name in TEXTS else "right",
            min_width=_state_width() if name == "state" else None,  # the same at every look
        )
    for row in rows:
        table.add_row(*(_cell(row, name) for name in columns))
    return table


def _cell(row: PartStatus, column: str) -> Text:
    if column == "state":
        return state_text("not-ready" if row.state == "ready" and not row.ready else row.state)
    value = getattr(row, column)
    colour = COLOURS.get(column, "yellow") if column in COUNTS and value else ""
    return Text("" if value is None or value is UNSET else str(value), colour)


def _state_width() -> int:
    return max(cell_len(say(f"state-{state}")) for state in ("ready", "restarting", "not-ready"))


def sentence(row: PartStatus, reason: Reason) -> str:
    """Return in words why the part needs a person."""
    if reason is Reason.NOT_READY and row.problem is not UNSET:
        return row.problem
    return say(
        f"reason-{reason.value}",
        dead_letters=command_line("dead-letters list"),
        set_up_log=command_line(f"logs {SET_UP}"),
    )


def _summary(none: Sequence[str]) -> str:
    """Name what there is none of."""
    if len(none) == len(COUNTS):
        return say("none-at-all")
    *first, last = none
    return say("last-of-list", first=", ".join(first), last=last) if first else last


def _is_complete(rows: Sequence[PartStatus]) -> bool:
    """Return whether the figures of all services are known."""
    return all(row.database is not UNSET for row in rows if row.part not in SERVERS)
