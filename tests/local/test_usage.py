"""What a part uses is counted over all of its processes, and states are coloured on a terminal."""

import json
import os
from collections.abc import Mapping
from io import StringIO

import psutil
import pytest
from rich.console import Console

from roadbike.local.commands import status_table, usage
from roadbike.local.commands.status import PartStatus
from tests.local.stub_shop import StubShop
from tests.local.test_command import roadbike

GREEN = "\x1b[32m"


def test_the_processes_of_a_part_are_its_warden_its_program_and_its_children(
    shop: StubShop,
) -> None:
    pid = shop.pids["postgres"]

    found = usage.processes(pid)

    assert {each.pid for each in found} > {pid, *(c.pid for c in psutil.Process(pid).children())}
    assert [each.pid for each in found if "warden.py" in " ".join(each.cmdline())] == [
        psutil.Process(pid).ppid()
    ]


def test_memory_and_cpu_are_those_of_all_processes(shop: StubShop) -> None:
    rows = json.loads(roadbike("status", "--json", "--home", shop.home.path).stdout)
    postgres = next(row for row in rows if row["part"] == "postgres")

    alone = psutil.Process(postgres["pid"]).memory_full_info().pss / 1024**2
    assert postgres["processes"] >= 5
    assert postgres["memory_mb"] > 1.5 * alone
    assert postgres["cpu_percent"] >= 0


def test_a_part_without_a_process_uses_nothing() -> None:
    gone = max(psutil.pids()) + 1_000_000

    assert usage.of_parts({"stock": None, "payment": gone}) == {}
    assert usage.of_parts({"me": os.getpid()})["me"].memory_mb > 1


ROW = PartStatus(part="nats", state="ready", ready=True, pid=1, port=1, restarts=0)


@pytest.mark.parametrize(
    ("environ", "is_terminal", "coloured"),
    [({}, True, True), ({"NO_COLOR": "1"}, True, False), ({}, False, False)],
)
def test_states_are_coloured_on_a_terminal_only(
    environ: Mapping[str, str], is_terminal: object, coloured: object
) -> None:
    to = StringIO()
    console = Console(
        file=to,
        width=200,
        force_terminal=bool(is_terminal),
        _environ={"TERM": "xterm", **environ},
    )

    status_table.show([ROW], console)

    assert (f"{GREEN}ready" in to.getvalue()) == coloured
    assert "ready" in to.getvalue()
