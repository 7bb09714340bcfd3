"""The keeper restarts a part that ends, with growing delays, and stops it when asked to."""

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from roadbike.local.errors import CommandError
from roadbike.local.supervisor import forkserver
from roadbike.local.supervisor.bound_port import BoundPort
from roadbike.local.supervisor.keeper import STOP_TIMEOUT_SECONDS, Keeper
from roadbike.local.supervisor.part import Call, Part, Server
from roadbike.local.supervisor.probes import Probe, wait_until
from roadbike.local.supervisor.processes import Running, Starter


async def never_ready() -> bool:
    return False


async def nothing_needed() -> None:
    """Return at once."""


async def test_a_part_that_keeps_ending_is_restarted_with_growing_delays(tmp_path: Path) -> None:
    starts: list[float] = []
    four = asyncio.Event()

    def note() -> None:
        if keeper.view.state == "starting":
            starts.append(time.monotonic())
        if len(starts) >= 4:
            four.set()

    part = Part(
        name="broken",
        port=0,
        runs=Server(program=Path("/bin/sh"), arguments=("-c", "echo too hot >&2; exit 7")),
        is_ready=never_ready,
    )
    keeper = Keeper(part, tmp_path / "broken.log", Starter(), nothing_needed, note)

    keeper.start()
    async with asyncio.timeout(30):
        await four.wait()
    await keeper.stop()

    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses[1] > 0.3
    assert pauses[2] > 1.0
    assert keeper.failed_starts >= 3
    assert keeper.view.state == "stopped"
    assert "ended with exit code 7" in keeper.view.problem
    assert keeper.last_lines()[-1] == "too hot"


async def test_the_log_says_why_a_program_cannot_be_run(tmp_path: Path) -> None:
    ended = asyncio.Event()

    def note() -> None:
        if keeper.view.state == "restarting":
            ended.set()

    part = Part(
        name="missing",
        port=0,
        runs=Server(program=tmp_path / "nowhere", arguments=()),
        is_ready=never_ready,
    )
    keeper = Keeper(part, tmp_path / "missing.log", Starter(), nothing_needed, note)

    keeper.start()
    async with asyncio.timeout(30):
        await ended.wait()
    await keeper.stop()

    assert "nowhere: No such file or directory" in keeper.last_lines()[-1]


class FailingStarter(Starter):
    """Fails to start anything, as soon as `fail` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.called = asyncio.Event()
        self.fail = asyncio.Event()

    async def start(self, part: Part, log: Path, port: BoundPort) -> Running:
        self.called.set()
        await self.fail.wait()
        raise CommandError(f"{part.name} cannot be forked on port {port.number}: see {log}")


@pytest.mark.parametrize("closing", [True, False])
async def test_a_part_that_is_stopped_while_its_start_fails_is_not_restarted(
    tmp_path: Path, *, closing: bool
) -> None:
    starter = FailingStarter()
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
    await starter.called.wait()

    if closing:
        keeper.no_more_restarts()
    stopping = asyncio.create_task(keeper.stop())
    await asyncio.sleep(0)
    starter.fail.set()
    async with asyncio.timeout(5):
        await stopping

    assert states[-1] == "stopped"
    assert "restarting" not in states


class CountingStarter(Starter):
    """Counts the processes that it starts."""

    started = 0

    async def start(self, part: Part, log: Path, port: BoundPort) -> Running:
        self.started += 1
        return await super().start(part, log, port)


async def test_a_part_that_ends_while_the_shop_closes_is_not_restarted(tmp_path: Path) -> None:
    starter = CountingStarter()
    states: list[str] = []
    ended = asyncio.Event()

    def note() -> None:
        states.append(keeper.view.state)
        if states[-2:] == ["starting", "starting"] or states[-1] == "restarting":
            ended.set()  # the keeper has noticed the end: it gives up, or restarts

    part = Part(
        name="broken",
        port=0,
        runs=Server(program=Path("/bin/sh"), arguments=("-c", "exit 7")),
        is_ready=never_ready,
    )
    keeper = Keeper(part, tmp_path / "broken.log", starter, nothing_needed, note)

    keeper.start()
    keeper.no_more_restarts()
    async with asyncio.timeout(30):
        await ended.wait()
    await keeper.stop()

    assert starter.started == 1
    assert "restarting" not in states


async def test_a_part_that_drains_too_long_can_be_killed(tmp_path: Path) -> None:
    log = tmp_path / "slow.log"
    script = "trap 'echo draining' TERM; echo up; while :; do sleep 0.05; done"

    def logged(line: str) -> Probe:
        async def is_logged() -> bool:
            return line in log.read_text()

        return is_logged

    part = Part(
        name="slow",
        port=0,
        runs=Server(program=Path("/bin/sh"), arguments=("-c", script)),
        is_ready=logged("up"),
    )
    keeper = Keeper(part, log, Starter(), nothing_needed, lambda: None)
    keeper.start()
    async with asyncio.timeout(30):
        await keeper.ready.wait()
    pid = keeper.view.pid

    stopping = asyncio.create_task(keeper.stop())
    await wait_until(logged("draining"), 10)
    killed = keeper.kill()
    async with asyncio.timeout(STOP_TIMEOUT_SECONDS / 3):
        await stopping

    assert killed == pid
    assert keeper.view.state == "stopped"
    with pytest.raises(CommandError, match="slow is not running"):
        keeper.kill()


def test_preloaded_modules_can_be_imported() -> None:
    missing = [name for name in forkserver.PRELOADED if not is_importable(name)]

    assert missing in ([], ["litestar.plugins.pydantic.plugins.init"])  # only if pydantic is there


def is_importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


async def test_replicas_wait_for_the_set_up_that_one_of_them_runs(tmp_path: Path) -> None:
    ran: list[str] = []
    goes_on = asyncio.Event()

    class OneJob(Starter):
        async def run_job(self, name: str, call: Call, log: Path) -> None:
            ran.append(f"{name}: {call.function}, {log.name}")
            await goes_on.wait()

    starter, call = OneJob(), Call(function="migrate", arguments={"package": "stock"})
    same = Call(function="migrate", arguments={"package": "stock"})

    waiting = [
        asyncio.create_task(starter.run_job_once("set-up", each, tmp_path / "log"))
        for each in (call, same)
    ]
    done, _ = await asyncio.wait(waiting, timeout=0.1)
    goes_on.set()
    await asyncio.gather(*waiting)

    assert not done
    assert ran == ["set-up: migrate, log"]
