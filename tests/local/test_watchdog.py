"""A part that hangs is killed and started again; a slow one is left alone."""

import asyncio
import json
from pathlib import Path

import pytest

from roadbike.kit.process.setting_faults import SettingError
from roadbike.local.supervisor import watchdog
from roadbike.local.supervisor.keeper import Keeper
from roadbike.local.supervisor.part import Part, Server
from roadbike.local.supervisor.processes import Starter

HANG_SECONDS = 0.4


class Answers:
    """A probe that answers while `answers` is set."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked = 0

    async def __call__(self) -> bool:
        self.asked += 1
        await self.answers.wait()
        return True


async def test_a_part_without_an_answer_hangs() -> None:
    probe = Answers()
    probe.answers.clear()

    async with asyncio.timeout(10):
        await watchdog.until_it_hangs(probe, HANG_SECONDS)

    assert probe.asked == watchdog.WINDOWS


async def test_a_part_whose_port_refuses_hangs() -> None:
    async def refuses() -> bool:
        return False

    async with asyncio.timeout(10):
        await watchdog.until_it_hangs(refuses, HANG_SECONDS)


async def test_one_look_without_an_answer_is_not_enough() -> None:
    """As when this process itself was paused during the look."""
    probe = Answers()

    async def silent_at_first() -> bool:
        if not probe.asked:
            probe.answers.clear()
            asyncio.get_running_loop().call_later(0.75 * HANG_SECONDS, probe.answers.set)
        return await probe()

    hanging = asyncio.create_task(watchdog.until_it_hangs(silent_at_first, HANG_SECONDS))
    done, _ = await asyncio.wait([hanging], timeout=3 * HANG_SECONDS)
    hanging.cancel()

    assert not done
    assert probe.asked > 1


async def test_a_part_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    states: list[str] = []
    probe = Answers()
    part = Part(
        name="stock",
        port=0,
        runs=Server(program=Path("/bin/sleep"), arguments=("1000",)),
        is_ready=is_ready,
        is_live=probe,
        hang_seconds=HANG_SECONDS,
    )
    changed = asyncio.Event()

    def note() -> None:
        states.append(keeper.view.state)
        changed.set()

    keeper = Keeper(part, tmp_path / "stock.log", Starter(), nothing_needed, note)
    keeper.start()
    await keeper.ready.wait()
    first = keeper.view.pid

    probe.answers.clear()
    async with asyncio.timeout(30):
        while "restarting" not in states:
            changed.clear()
            await changed.wait()
        probe.answers.set()
        await keeper.ready.wait()
    view = keeper.view
    await keeper.stop()

    (line,) = (tmp_path / "stock.log").read_text().splitlines()
    assert view.pid not in {first, None}
    assert view.restarts == 1
    assert "gave no answer for 0.4 s" in view.last_end
    assert json.loads(line)["event"] == "supervisor.killed"


async def test_nobody_looks_at_a_part_when_the_setting_is_0(tmp_path: Path) -> None:
    probe = Answers()
    part = Part(
        name="stock",
        port=0,
        runs=Server(program=Path("/bin/sleep"), arguments=("1000",)),
        is_ready=is_ready,
        is_live=probe,
        hang_seconds=0.0,
    )
    keeper = Keeper(part, tmp_path / "stock.log", Starter(), nothing_needed, lambda: None)
    keeper.start()
    await keeper.ready.wait()
    await asyncio.sleep(0)
    await keeper.stop()

    assert probe.asked == 0


@pytest.mark.parametrize(
    ("chosen", "seconds"), [(None, 10), ("", 10), ("0", 0), ("2", 2), ("60", 60)]
)
def test_the_setting_is_in_seconds(chosen: str | None, seconds: float) -> None:
    environ = {} if chosen is None else {"ROADBIKE_HANG_SECONDS": chosen}

    assert watchdog.hang_seconds(environ) == seconds


@pytest.mark.parametrize("wrong", ["1", "-3", "ten", "1.5"])
def test_another_setting_is_refused(wrong: str) -> None:
    with pytest.raises(SettingError, match="ROADBIKE_HANG_SECONDS"):
        watchdog.hang_seconds({"ROADBIKE_HANG_SECONDS": wrong})


async def is_ready() -> bool:
    return True


async def nothing_needed() -> None:
    """Return at once."""
