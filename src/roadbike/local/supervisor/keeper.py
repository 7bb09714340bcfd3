"""Keeps one part running for as long as it is wanted, and starts it anew when it dies."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Final

import msgspec

from roadbike.local.errors import CommandError
from roadbike.local.log_files import last_lines
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Call, Part, Server
from roadbike.local.supervisor.processes import Running, Starter

START_LIMIT: Final = 60.0  # seconds to become ready
STOP_LIMIT: Final = 15.0  # seconds to stop before it is killed
DELAYS: Final = (0.0, 0.3, 1.0, 2.0, 5.0, 10.0, 30.0)  # before it is started again
CALM: Final = 20.0  # seconds after which an end counts as the first again


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A part as others see it."""

    name: str
    port: int
    state: str  # waiting, starting, ready, restarting, stopping, stopped
    pid: int | None = None
    restarts: int = 0
    seconds: float = 0.0  # it took to become ready
    problem: str = ""


class Keeper:
    def __init__(
        self,
        part: Part,
        log: Path,
        starter: Starter,
        needs_ready: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self.part = part
        self.log = log
        self.ready = asyncio.Event()
        self.view = View(name=part.name, port=part.port, state="waiting")
        self._starter = starter
        self._needs_ready = needs_ready
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._process: Running | None = None
        self._done: list[Call] = []
        self._closing = False
        self.early_ends = 0  # in a row, without having been ready

    def start(self) -> None:
        if self._task is None or self._task.done():
            self.early_ends = 0
            self._task = asyncio.create_task(self._keep(), name=self.part.name)
            self._task.add_done_callback(lambda _: self._changed())

    def let_end(self) -> None:
        """The shop closes: when it ends now, it is not started again."""
        self._closing = True

    async def stop(self) -> None:
        """Lets it drain; by force after a while. It stays down until it is started."""
        if self._task is None:
            return
        process = self._process
        self._show("stopping")
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None
        if process is not None:
            await self._end(process)
        self._show("stopped", pid=None)

    def check(self) -> None:
        """A fault of the keeper itself is raised here, where somebody waits, not lost."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    def kill(self) -> int:
        """End it with kill -9, as a fault does; the process id it had."""
        if self._process is None:
            raise CommandError(f"{self.part.name} is not running")
        self.ready.clear()  # an order to start it waits for the next process
        self._process.signal(SIGKILL)
        return self._process.pid

    def end_now(self) -> None:
        if self._process is not None:
            self._process.signal(SIGKILL)

    async def _keep(self) -> None:
        ends = 0
        while True:
            began = time.monotonic()
            problem = await self._run_once()
            if self._closing:
                return
            ends = 1 if time.monotonic() - began > CALM else ends + 1
            delay = DELAYS[min(ends - 1, len(DELAYS) - 1)]
            self._show("restarting", pid=None, problem=problem, restarts=self.view.restarts + 1)
            await asyncio.sleep(delay)

    async def _run_once(self) -> str:
        """From start to end; how it ended."""
        try:
            self._show("waiting", pid=None)
            await self._needs_ready()
            await self._prepare()
            self._process = await self._start()
            self._show("starting", pid=self._process.pid)
            return await self._watch(self._process)
        except TimeoutError:
            self.early_ends += 1
            return f"was not ready after {START_LIMIT:.0f} s"
        except CommandError as trouble:
            self.early_ends += 1
            return str(trouble)
        finally:
            self._process = None
            self.ready.clear()

    async def _prepare(self) -> None:
        await self._once(self.part.prepare)
        if self.part.prepare_each:
            await asyncio.to_thread(self.part.prepare_each)

    async def _once(self, call: Call | None) -> None:
        if call is not None and call not in self._done:
            await self._starter.run(f"{self.part.name} set-up", call, self.log)
            self._done.append(call)

    async def _start(self) -> Running:
        starting = asyncio.ensure_future(self._starter.start(self.part, self.log))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with contextlib.suppress(CommandError):  # it could not be started
                await self._end(await starting)  # it was on its way already
            raise

    async def _watch(self, process: Running) -> str:
        began = time.monotonic()
        end = asyncio.ensure_future(process.ended())
        becoming = asyncio.ensure_future(self._become_ready())
        try:
            await asyncio.wait([end, becoming], return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                self.early_ends += 1
                return _told(end.result())
            becoming.result()
            self.early_ends = 0
            self._show("ready", seconds=time.monotonic() - began, problem="")
            self.ready.set()
            return _told(await end)
        except (TimeoutError, CommandError):
            await self._end(process)
            raise
        finally:
            end.cancel()
            becoming.cancel()

    async def _become_ready(self) -> None:
        await probes.until(self.part.is_ready, START_LIMIT)
        await self._once(self.part.finish)

    async def _end(self, process: Running) -> None:
        runs = self.part.runs
        process.signal(runs.stop if isinstance(runs, Server) else Signals.SIGTERM)
        try:
            async with asyncio.timeout(STOP_LIMIT):
                await process.ended()
        except TimeoutError:
            process.signal(SIGKILL)
            await process.ended()

    def _show(self, state: str, **more: object) -> None:
        self.view = msgspec.structs.replace(self.view, state=state, **more)
        self._changed()

    def last_lines(self) -> tuple[str, ...]:
        return last_lines(self.log)


def _told(code: int) -> str:
    number = -code if code < 0 else code - 128  # as Python or as a warden tells of a signal
    if number in {each.value for each in Signals}:
        return f"ended by {Signals(number).name}"
    return f"ended with exit code {code}"
