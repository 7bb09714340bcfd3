"""How `roadbike up` shows its progress: a live table on a terminal, otherwise plain lines."""

from collections.abc import Sequence
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from roadbike.local.supervisor.keeper import View
from roadbike.local.terminal import state_text
from roadbike.local.texts import say

COLUMNS: Final = ("part", "state", "port", "process", "seconds")


class Progress(Protocol):
    """Shows the states of the parts while the shop opens and while it is open."""

    def show(self, views: Sequence[View]) -> None:
        """Show these states; called whenever one of them changes."""

    def say(self, sentence: str) -> None:
        """Print the sentence."""

    def end_opening(self) -> None:
        """The shop is open, or could not be opened: print later changes as lines."""


def progress(to: Console) -> Progress:
    return ProgressTable(to) if to.is_terminal else ProgressLines(to)


class ProgressLines:
    """One line for each part that becomes ready, restarts or stops."""

    def __init__(self, to: Console) -> None:
        self._to = to
        self._shown: dict[str, str] = {}

    def show(self, views: Sequence[View]) -> None:
        for view in views:
            if self._shown.get(view.name) != (sentence := _sentence(view)):
                self._shown[view.name] = sentence
                if view.state in {"ready", "restarting", "stopped"}:
                    self._to.print(sentence, markup=False, highlight=False)

    def skip(self, views: Sequence[View]) -> None:
        """Do not print these states: they were shown in another way."""
        self._shown |= {view.name: _sentence(view) for view in views}

    def say(self, sentence: str) -> None:
        self._to.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def end_opening(self) -> None:
        """Lines stay as they are."""


class ProgressTable:
    """A table that is redrawn until the shop is open; after that, lines."""

    def __init__(self, to: Console) -> None:
        self._live: Live | None = Live(console=to, auto_refresh=False)
        self._lines = ProgressLines(to)

    def show(self, views: Sequence[View]) -> None:
        if self._live:
            self._live.start()  # it hides the cursor, so not before there is something to show
            self._live.update(_table(views), refresh=True)
            self._lines.skip(views)
        else:
            self._lines.show(views)

    def say(self, sentence: str) -> None:
        self.end_opening()
        self._lines.say(sentence)

    def end_opening(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def _table(views: Sequence[View]) -> Table:
    titles = (say(f"column-{name}") for name in COLUMNS)
    table = Table(*titles, box=None, pad_edge=False)
    for view in views:
        table.add_row(
            view.name,
            Text.assemble(state_text(view.state), " ", view.problem),
            str(view.port),
            str(view.pid or ""),
            f"{view.seconds:.1f}" if view.seconds else "",
        )
    return table


def _sentence(view: View) -> str:
    match view.state:
        case "ready":
            seconds = f"{view.seconds:.1f}"
            return say("part-ready", part=view.name, port=view.port, seconds=seconds)
        case "restarting":
            return say("part-restarting", part=view.name, problem=view.problem)
        case _:
            return say("part-in-state", part=view.name, state=say(f"state-{view.state}"))
