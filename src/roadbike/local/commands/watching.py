"""`roadbike status --watch`: how the shop stands, again and again, with what is wrong in words."""

import time
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.live import Live

from roadbike.local.commands import watch_view
from roadbike.local.commands.looks import Look

LOOK_SECONDS: Final = 1.0  # between two looks on a terminal
LINE_SECONDS: Final = 5.0  # the same in a pipe or a file


def watch(next_look: Callable[[], Look], to: Console) -> None:
    """Show each look until Ctrl-C: on a terminal in its place, otherwise as plain lines.

    Raises NotRunning when the shop is closed.
    """
    try:
        if to.is_terminal:
            with Live(console=to, screen=True, auto_refresh=False) as live:
                while True:
                    live.update(watch_view.picture(next_look(), to), refresh=True)
                    time.sleep(LOOK_SECONDS)
        while True:
            for line in watch_view.lines(next_look()):
                to.print(line, markup=False, highlight=False, soft_wrap=True)
            time.sleep(LINE_SECONDS)
    except KeyboardInterrupt:
        return
