"""The table that `roadbike status` shows to people."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from roadbike.local.commands.status import SERVERS

TROUBLES: Final = {  # shown where there are any; else one line says that nothing is …
    "parked": "parked",
    "dead": "dead",
    "pending": "pending",
    "unsettled": "unsettled",
}
SHOWN: Final = (
    "part",
    "state",
    "pid",
    "port",
    "restarts",
    "memory_mb",
    "database",
    "unsent",
    "lag",
)
SPARE: Final = ("pid", "database", "port", "restarts")  # left out, in this order, for want of room
WIDE: Final = 1000  # more than any table needs


def show(rows: list[dict[str, Any]], to: Console) -> None:
    some = [name for name in TROUBLES if any(row.get(name) for row in rows)]
    to.print(_fitting(rows, [*SHOWN, *some], to))
    for row in rows:
        if "problem" in row:
            to.print(f"{row['part']}: {row['problem']}", markup=False, highlight=False)
    if none := [word for name, word in TROUBLES.items() if name not in some]:
        to.print(f"nothing {_either(none)}{_as_far(rows)}", markup=False, highlight=False)


def _fitting(rows: list[dict[str, Any]], columns: Sequence[str], to: Console) -> Table:
    """Without what there is no room for: a name is never shortened."""
    left_out = 0
    while True:
        shown = _table(rows, [each for each in columns if each not in SPARE[:left_out]])
        needed = Measurement.get(to, to.options.update(width=WIDE), shown).maximum
        if needed <= to.width or left_out == len(SPARE):
            return shown
        left_out += 1


def _table(rows: list[dict[str, Any]], columns: Sequence[str]) -> Table:
    shown = Table(box=None, pad_edge=False)
    for column in columns:
        is_word = column in {"part", "state", "database"}
        header = "MB" if column == "memory_mb" else column
        shown.add_column(
            header,
            no_wrap=True,
            justify="left" if is_word else "right",
            min_width=len("restarting") if column == "state" else None,  # it stays as it is
        )
    for row in rows:
        told = row | {"state": _state(row)}
        values = (told.get(column) for column in columns)
        shown.add_row(*("" if value is None else str(value) for value in values))
    return shown


def _state(row: Mapping[str, Any]) -> str:
    return "not ready" if row["state"] == "ready" and not row["ready"] else str(row["state"])


def _either(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _as_far(rows: list[dict[str, Any]]) -> str:
    silent = any("unsent" not in row for row in rows if row["part"] not in SERVERS)
    return ", as far as is known" if silent else ""
