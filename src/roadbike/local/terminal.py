"""The console that commands print to, and how a part's state is shown on it."""

from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.text import Text

from roadbike.local.texts import say

WIDTH_WITHOUT_TERMINAL: Final = 200  # columns: a pipe or a file has no width of its own

COLOURS: Final[Mapping[str, str]] = {
    "ready": "green",
    "restarting": "red",
    "stopped": "dim",
    "waiting": "dim",
}


def console() -> Console:
    plain = Console()
    return plain if plain.is_terminal else Console(width=WIDTH_WITHOUT_TERMINAL)


def error_console() -> Console:
    """Return the console for what is not the result: it stays out of a pipe."""
    plain = Console(stderr=True)
    return plain if plain.is_terminal else Console(stderr=True, width=WIDTH_WITHOUT_TERMINAL)


def state_text(state: str) -> Text:
    """Return the state in words and, on a terminal, in its colour."""
    return Text(say(f"state-{state}"), COLOURS.get(state, "yellow"))
