"""The table that `roadbike status` prints."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import UNSET
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from roadbike.local.commands import verdict
from roadbike.local.commands.status import SERVERS, PartStatus
from roadbike.local.commands.verdict import Reason
from roadbike.local.invocation import command_line

COLUMNS: Final[Mapping[str, str]] = {
    "part": "part",
    "state": "state",
    "pid": "pid",
    "port": "port",
    "restarts": "restarts",
    "memory_mb": "MB",
    "database": "database",
    "unsent": "unsent",
    "lag": "lag",
}
COUNTS: Final[Mapping[str, str]] = {  # columns only if one of them is not 0
    "parked": "parked events",
    "stuck": "stuck events",
    "dead": "dead letters",
    "kept": "events kept for newer code",
    "refused": "refused events",
    "pending": "pending reservations",
    "unsettled": "unsettled payments",
}
REASONS: Final[Mapping[Reason, str]] = {
    Reason.NOT_READY: "not ready",
    Reason.STUCK: "the retries of some events fail; see `{dead_letters}`",
    Reason.DEAD: "there are dead letters; see `{dead_letters}`",
    Reason.REFUSED: "there are refused events; its log names each as message.refused",
}
TEXTS: Final = ("part", "state", "database")
# left out in this order if too wide
OPTIONAL: Final = ("pid", "database", "port", "restarts", "memory_mb")
ANY_WIDTH: Final = 1000  # wider than any table


def show(rows: Sequence[PartStatus], to: Console) -> None:
    some = [name for name in COUNTS if any(getattr(row, name) for row in rows)]
    to.print(_fitting(rows, [*COLUMNS, *some], to))
    for row in rows:
        for reason in verdict.reasons(row):
            to.print(f"{row.part}: {_sentence(row, reason)}", markup=False, highlight=False)
    if none := [words for name, words in COUNTS.items() if name not in some]:
        to.print(f"no {_summary(none)}{_exception(rows)}", markup=False, highlight=False)


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
            COLUMNS.get(name, name),
            no_wrap=True,
            justify="left" if name in TEXTS else "right",
            min_width=len("restarting") if name == "state" else None,  # the same at every look
        )
    for row in rows:
        table.add_row(*(_cell(row, name) for name in columns))
    return table


def _cell(row: PartStatus, column: str) -> str:
    if column == "state" and row.state == "ready" and not row.ready:
        return "not ready"
    value = getattr(row, column)
    return "" if value is None or value is UNSET else str(value)


def _sentence(row: PartStatus, reason: Reason) -> str:
    if reason is Reason.NOT_READY and row.problem is not UNSET:
        return row.problem
    return REASONS[reason].format(dead_letters=command_line("dead-letters list"))


def _summary(none: Sequence[str]) -> str:
    """Name what there is none of."""
    if len(none) == len(COUNTS):
        return "parked events or open payments"
    *first, last = none
    return f"{', '.join(first)} or {last}" if first else last


def _exception(rows: Sequence[PartStatus]) -> str:
    """Say so when the figures of some service are not known."""
    services = [row for row in rows if row.part not in SERVERS]
    is_complete = all(row.database is not UNSET for row in services)
    return "" if is_complete else " (only services that answered are counted)"
