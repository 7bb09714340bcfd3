"""What the person at the keyboard sees: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Sequence
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from roadbike.local.supervisor.keeper import View

COLOURS: Final = {"ready": "green", "restarting": "red", "stopped": "dim", "waiting": "dim"}
WIDTH: Final = 200  # where there is no terminal to ask


class Screen(Protocol):
    def show(self, views: Sequence[View]) -> None:
        """Called whenever a part changes."""

    def settle(self) -> None:
        """The shop is open, or is not going to be: from here on only news."""


def console() -> Console:
    plain = Console()
    return plain if plain.is_terminal else Console(width=WIDTH)


def screen(to: Console) -> Screen:
    return Board(to) if to.is_terminal else Lines(to)


class Lines:
    """One line for each news."""

    def __init__(self, to: Console) -> None:
        self._to = to
        self._said: dict[str, str] = {}

    def show(self, views: Sequence[View]) -> None:
        for view in views:
            if self._said.get(view.name) != (said := _sentence(view)):
                self._said[view.name] = said
                if view.state in {"ready", "restarting", "stopped"}:
                    self._to.print(said, markup=False, highlight=False)

    def note(self, views: Sequence[View]) -> None:
        """Known already from elsewhere: no news any more."""
        self._said |= {view.name: _sentence(view) for view in views}

    def settle(self) -> None:
        """Nothing to clear away."""


class Board:
    """A table that is drawn anew until the shop is open; then lines."""

    def __init__(self, to: Console) -> None:
        self._live: Live | None = Live(console=to, auto_refresh=False)
        self._lines = Lines(to)

    def show(self, views: Sequence[View]) -> None:
        if self._live:
            self._live.start()  # not before: it hides the cursor until it is settled
            self._live.update(_table(views), refresh=True)
            self._lines.note(views)
        else:
            self._lines.show(views)

    def settle(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def _table(views: Sequence[View]) -> Table:
    table = Table("part", "state", "port", "process", "seconds", box=None, pad_edge=False)
    for view in views:
        colour = COLOURS.get(view.state, "yellow")
        table.add_row(
            view.name,
            f"[{colour}]{view.state}[/] {view.problem}",
            str(view.port),
            str(view.pid or ""),
            f"{view.seconds:.1f}" if view.seconds else "",
        )
    return table


def _sentence(view: View) -> str:
    match view.state:
        case "ready":
            return f"{view.name}: ready on port {view.port} after {view.seconds:.1f} s"
        case "restarting":
            return f"{view.name}: {view.problem}, starting it again"
        case _:
            return f"{view.name}: {view.state}"
