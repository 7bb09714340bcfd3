"""What a terminal shows while the shop opens, and after it is open."""

from io import StringIO

from rich.console import Console

from roadbike.local.supervisor.keeper import View
from roadbike.local.up.progress import progress


def terminal() -> tuple[Console, StringIO]:
    shown = StringIO()
    return Console(file=shown, force_terminal=True, width=80), shown


def test_what_the_table_showed_is_not_printed_again_after_it() -> None:
    to, shown = terminal()
    table = progress(to)
    postgres = View(name="postgres", port=8090, state="ready", seconds=1.4)
    table.show([postgres, View(name="gateway", port=8088, state="starting")])
    gateway = View(name="gateway", port=8088, state="ready", seconds=0.2)
    table.show([postgres, gateway])
    table.end_opening()
    before = len(shown.getvalue())

    table.show([postgres, View(name="gateway", port=8088, state="stopping")])
    table.show([postgres, View(name="gateway", port=8088, state="stopped")])

    assert shown.getvalue()[before:] == "gateway: stopped\n"


def test_the_cursor_is_not_hidden_while_there_is_nothing_to_show() -> None:
    to, shown = terminal()

    progress(to)

    assert shown.getvalue() == ""
