"""Keeps one part running: starts it, watches it, and restarts it when it ends."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any, Final, Literal

import msgspec

from roadbike.local.errors import CommandError
from roadbike.local.log_files import last_lines
from roadbike.local.supervisor import probes, watchdog
from roadbike.local.supervisor.bound_port import BoundPort
from roadbike.local.supervisor.part import Call, Part, Server
from roadbike.local.supervisor.processes import Running, Starter
from roadbike.local.texts import say

READY_TIMEOUT_SECONDS: Final = 60.0
STOP_TIMEOUT_SECONDS: Final = 15.0  # then it is killed
RESTART_DELAYS_SECONDS: Final = (0.0, 0.3, 1.0, 2.0, 5.0, 10.0, 30.0)
STABLE_AFTER_SECONDS: Final = 20.0  # a part that ran this long is restarted without delay

State = Literal["waiting", "starting", "ready", "restarting", "stopping", "stopped"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a part as commands see it.

    seconds: how long its last start took. problem: why it ended or could not start.
    last_end: the time, by this machine's clock, and the reason of its last end that no command
    asked for.
    """

    name: str
    port: int
    state: State
    pid: int | None = None
    restarts: int = 0
    seconds: float = 0.0
    problem: str = ""
    last_end: str = ""


class Keeper:
    """Keeps one part running until it is stopped; each restart in a row is delayed longer.

    The part's port stays bound from the start of the keeper until `close`.
    needs_ready: waits until all parts that this one needs are ready.
    on_change: called after every change of `view`.
    failed_starts: ends in a row before the part was ready.
    """

    def __init__(
        self,
        part: Part,
        log: Path,
        starter: Starter,
        needs_ready: Callable[[], Awaitable[None]],
        on_change: Callable[[], None],
    ) -> None:
        self.part = part
        self.log = log
        self.ready = asyncio.Event()
        self.view = View(name=part.name, port=part.port, state="waiting")
        self._port = BoundPort(part.port)
        self._starter = starter
        self._needs_ready = needs_ready
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None
        self._process: Running | None = None
        self._draining: Running | None = None
        self._restarts_allowed = True
        self.failed_starts = 0

    def start(self) -> None:
        """Start the part in the background, unless that was done already."""
        if self._task is None or self._task.done():
            self.failed_starts = 0
            self._task = asyncio.create_task(self._keep(), name=self.part.name)
            self._task.add_done_callback(lambda _: self._on_change())

    def close(self) -> None:
        """Give the port up."""
        self._port.close()

    def no_more_restarts(self) -> None:
        """When the part ends from now on, leave it so: the shop is closing."""
        self._restarts_allowed = False

    async def stop(self) -> None:
        """Let the part drain, kill it if that takes too long, and leave it stopped."""
        if self._task is None:
            return
        process = self._process
        self._show("stopping")
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None
        if process is not None:
            self._draining = process
            await self._terminate(process)
            self._draining = None
        self._show("stopped", pid=None)

    def check(self) -> None:
        """Raise the exception that ended the keeper's own task, which nobody would see there."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    def kill(self) -> int:
        """Kill the process as `kill -9` does and return its id.

        Raises CommandError when it is not running.
        """
        process = self._process or self._draining
        if process is None:
            raise CommandError("part-not-running", part=self.part.name)
        self.ready.clear()  # a `start` that follows waits for the next process
        process.signal(SIGKILL)
        return process.pid

    async def _keep(self) -> None:
        ends = 0
        while True:
            began = time.monotonic()
            problem = await self._run_until_end()
            if not self._restarts_allowed:
                return
            ends = 1 if time.monotonic() - began > STABLE_AFTER_SECONDS else ends + 1
            delay = RESTART_DELAYS_SECONDS[min(ends, len(RESTART_DELAYS_SECONDS)) - 1]
            self._show(
                "restarting",
                pid=None,
                problem=problem,
                restarts=self.view.restarts + 1,
                last_end=f"{datetime.now().astimezone():%H:%M:%S} {problem}",
            )
            await asyncio.sleep(delay)

    async def _run_until_end(self) -> str:
        """Start the part, wait for its end, and return how it ended."""
        try:
            self._show("waiting", pid=None)
            await self._needs_ready()
            await self._prepare()
            self._process = await self._start()
            self._show("starting", pid=self._process.pid)
            return await self._watch(self._process)
        except TimeoutError:
            self.failed_starts += 1
            return say("not-ready-in-time", seconds=f"{READY_TIMEOUT_SECONDS:.0f}")
        except CommandError as error:
            self.failed_starts += 1
            return str(error)
        finally:
            self._process = None
            self._port.lock()
            self.ready.clear()

    async def _prepare(self) -> None:
        await self._run_job_once(self.part.prepare)
        if self.part.prepare_each:
            await asyncio.to_thread(self.part.prepare_each)

    async def _run_job_once(self, call: Call | None) -> None:
        if call is not None:
            name = say("part-set-up", part=self.part.name)
            await self._starter.run_job_once(name, call, self.log)

    async def _start(self) -> Running:
        starting = asyncio.ensure_future(self._starter.start(self.part, self.log, self._port))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with contextlib.suppress(CommandError):  # the start may have failed
                await self._terminate(await starting)
            raise

    async def _watch(self, process: Running) -> str:
        began = time.monotonic()
        end = asyncio.ensure_future(process.ended())
        becoming = asyncio.ensure_future(self._become_ready())
        try:
            await asyncio.wait([end, becoming], return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                self.failed_starts += 1
                return _how_it_ended(end.result())
            becoming.result()
            self.failed_starts = 0
            self._show("ready", seconds=time.monotonic() - began, problem="")
            self.ready.set()
            return await self._end_of(process, end)
        except (TimeoutError, CommandError):
            await self._terminate(process)
            raise
        finally:
            end.cancel()
            becoming.cancel()

    async def _end_of(self, process: Running, end: "asyncio.Future[int]") -> str:
        """Return how it ended. Kill it if it hangs."""
        hanging = asyncio.ensure_future(self._until_it_hangs())
        try:
            waits: list[asyncio.Future[Any]] = [end, hanging]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                return _how_it_ended(end.result())
            self.ready.clear()
            reason = say("gave-no-answer", seconds=f"{self.part.hang_seconds:g}")
            process.signal(SIGKILL)
            await end
            watchdog.note(self.log, self.part.name, reason)
            return reason
        finally:
            hanging.cancel()

    async def _until_it_hangs(self) -> None:
        if self.part.is_live is None or not self.part.hang_seconds:
            await asyncio.Event().wait()  # nobody looks
        else:
            await watchdog.until_it_hangs(self.part.is_live, self.part.hang_seconds)

    async def _become_ready(self) -> None:
        await probes.wait_until(self.part.is_ready, READY_TIMEOUT_SECONDS)
        self._port.lock()
        await self._run_job_once(self.part.finish)

    async def _terminate(self, process: Running) -> None:
        runs = self.part.runs
        process.signal(runs.stop if isinstance(runs, Server) else Signals.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                await process.ended()
        except TimeoutError:
            process.signal(SIGKILL)
            await process.ended()

    def _show(self, state: State, **more: object) -> None:
        self.view = msgspec.structs.replace(self.view, state=state, **more)
        self._on_change()

    def last_lines(self) -> tuple[str, ...]:
        return last_lines(self.log)


def _how_it_ended(code: int) -> str:
    number = -code if code < 0 else code - 128  # a signal, as Python or as a warden reports it
    if number in {each.value for each in Signals}:
        return say("ended-by-signal", signal=Signals(number).name)
    return say("ended-with-code", code=code)
