"""What a terminal shows while the shop opens and after."""

from io import StringIO

from rich.console import Console

from roadbike.local.supervisor.keeper import View
from roadbike.local.up.progress import screen


def terminal() -> tuple[Console, StringIO]:
    shown = StringIO()
    return Console(file=shown, force_terminal=True, width=80), shown


def test_what_the_table_showed_is_no_news_after_it() -> None:
    to, shown = terminal()
    board = screen(to)
    postgres = View(name="postgres", port=8090, state="ready", seconds=1.4)
    board.show([postgres, View(name="gateway", port=8088, state="starting")])
    gateway = View(name="gateway", port=8088, state="ready", seconds=0.2)
    board.show([postgres, gateway])
    board.settle()
    before = len(shown.getvalue())

    board.show([postgres, View(name="gateway", port=8088, state="stopping")])
    board.show([postgres, View(name="gateway", port=8088, state="stopped")])

    assert shown.getvalue()[before:] == "gateway: stopped\n"


def test_the_cursor_is_not_hidden_when_there_is_nothing_to_show() -> None:
    to, shown = terminal()

    screen(to)

    assert shown.getvalue() == ""
