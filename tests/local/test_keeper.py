"""A part that keeps dying is started again, but not without a pause."""

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from roadbike.local.errors import CommandError
from roadbike.local.supervisor import forkserver
from roadbike.local.supervisor.keeper import Keeper
from roadbike.local.supervisor.part import Call, Part, Server
from roadbike.local.supervisor.processes import Running, Starter


async def never_ready() -> bool:
    return False


async def nothing_needed() -> None:
    """At once."""


async def test_a_part_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path) -> None:
    starts: list[float] = []
    four = asyncio.Event()

    def note() -> None:
        if keeper.view.state == "starting":
            starts.append(time.monotonic())
        if len(starts) >= 4:
            four.set()

    part = Part(
        name="moth",
        port=0,
        runs=Server(program=Path("/bin/sh"), arguments=("-c", "echo too hot >&2; exit 7")),
        is_ready=never_ready,
    )
    keeper = Keeper(part, tmp_path / "moth.log", Starter(), nothing_needed, note)

    keeper.start()
    async with asyncio.timeout(30):
        await four.wait()
    await keeper.stop()

    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses[1] > 0.3
    assert pauses[2] > 1.0
    assert keeper.early_ends >= 3
    assert keeper.view.state == "stopped"
    assert "ended with exit code 7" in keeper.view.problem
    assert keeper.last_lines()[-1] == "too hot"


async def test_a_program_that_cannot_be_run_says_why_in_its_log(tmp_path: Path) -> None:
    ended = asyncio.Event()

    def note() -> None:
        if keeper.view.state == "restarting":
            ended.set()

    part = Part(
        name="ghost",
        port=0,
        runs=Server(program=tmp_path / "nowhere", arguments=()),
        is_ready=never_ready,
    )
    keeper = Keeper(part, tmp_path / "ghost.log", Starter(), nothing_needed, note)

    keeper.start()
    async with asyncio.timeout(30):
        await ended.wait()
    await keeper.stop()

    assert "nowhere: No such file or directory" in keeper.last_lines()[-1]


class Dying(Starter):
    """Fails to start anything, once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    async def start(self, part: Part, log: Path) -> Running:
        self.asked.set()
        await self.let.wait()
        raise CommandError(f"{part.name} cannot be forked: see {log}")


@pytest.mark.parametrize("closing", [True, False])
async def test_a_part_that_is_stopped_while_its_start_fails_is_not_started_again(
    tmp_path: Path, *, closing: bool
) -> None:
    starter = Dying()
    states: list[str] = []
    part = Part(name="late", port=0, runs=Call(function="never:called"), is_ready=never_ready)
    keeper = Keeper(
        part,
        tmp_path / "late.log",
        starter,
        nothing_needed,
        lambda: states.append(keeper.view.state),
    )
    keeper.start()
    await starter.asked.wait()

    if closing:
        keeper.let_end()
    stopping = asyncio.create_task(keeper.stop())
    await asyncio.sleep(0)
    starter.let.set()
    async with asyncio.timeout(5):
        await stopping

    assert states[-1] == "stopped"
    assert "restarting" not in states


async def test_a_part_that_ends_while_the_shop_closes_is_not_started_again(tmp_path: Path) -> None:
    states: list[str] = []
    ended = asyncio.Event()

    def note() -> None:
        states.append(keeper.view.state)
        if states[-2:] == ["starting", "starting"] or states[-1] == "restarting":
            ended.set()  # the task is done, or goes on

    part = Part(
        name="moth",
        port=0,
        runs=Server(program=Path("/bin/sh"), arguments=("-c", "exit 7")),
        is_ready=never_ready,
    )
    keeper = Keeper(part, tmp_path / "moth.log", Starter(), nothing_needed, note)

    keeper.start()
    keeper.let_end()
    async with asyncio.timeout(30):
        await ended.wait()
    await keeper.stop()

    assert states.count("starting") == 2
    assert "restarting" not in states


def test_what_is_preloaded_can_be_imported() -> None:
    missing = [name for name in forkserver.STACK if not importable(name)]

    assert missing in ([], ["litestar.plugins.pydantic.plugins.init"])  # only if pydantic is there


def importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True
