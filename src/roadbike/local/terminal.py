"""The console that commands print to."""

from typing import Final

from rich.console import Console

WIDTH_WITHOUT_TERMINAL: Final = 200  # columns: a pipe or a file has no width of its own


def console() -> Console:
    plain = Console()
    return plain if plain.is_terminal else Console(width=WIDTH_WITHOUT_TERMINAL)
