"""Processes that the supervisor starts: forked ones, and servers under their wardens."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import Signals
from socket import socket
from typing import Final, Protocol

from roadbike.local.errors import CommandError
from roadbike.local.log_files import last_lines, rotate
from roadbike.local.own import append
from roadbike.local.supervisor import forkserver, warden
from roadbike.local.supervisor.bound_port import BoundPort
from roadbike.local.supervisor.part import Call, Part, Server
from roadbike.local.texts import say

LOST_EXIT_CODE: Final = 255  # multiprocessing reports it when the fork server was killed


class Running(Protocol):
    """A process that was started and may have ended since."""

    pid: int

    async def ended(self) -> int:
        """Wait for the end and return the exit code, or minus the number of the signal."""

    def signal(self, number: Signals) -> None:
        """Send the signal, unless the process has ended."""


class Starter:
    """Starts processes; forks happen one after the other, in a thread, because they block."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fork")
        self._jobs: list[tuple[Call, asyncio.Lock]] = []
        self._done: list[Call] = []

    async def start(self, part: Part, log: Path, port: BoundPort) -> Running:
        """Start what the part runs; it listens on that port, which its keeper holds."""
        rotate(log)
        if isinstance(part.runs, Server) and not part.runs.socket_name:
            port.unlock()
            return await _under_warden(part.runs, log)
        with port.listener() as listener:
            if isinstance(part.runs, Server):
                return await _under_warden(part.runs, log, listener)
            return await self.fork(part.name, part.runs, log, listener)

    async def fork(
        self, name: str, call: Call, log: Path, listener: socket | None = None
    ) -> "Forked":
        loop = asyncio.get_running_loop()
        try:
            process = await loop.run_in_executor(
                self._thread, forkserver.start, name, call, log, listener
            )
        except (OSError, EOFError) as problem:
            raise CommandError(
                "fork-server-ended",
                module=forkserver.PRELOADED[0],
                problem=str(problem) or say("no-answer"),
            ) from None
        return Forked(process)

    async def run_job(self, name: str, call: Call, log: Path) -> None:
        """Make the call in a process of its own and wait for its end.

        Raises CommandError with the last log lines when it fails.
        """
        job = await self.fork(name, call, log)
        if code := await job.ended():
            raise CommandError("job-failed", details=last_lines(log), job=name, exit_code=code)

    async def run_job_once(self, name: str, call: Call, log: Path) -> None:
        """As `run_job`, unless it was run with success; of replicas, one makes it for all."""
        async with self._lock_of(call):
            if call not in self._done:
                await self.run_job(name, call, log)
                self._done.append(call)

    def _lock_of(self, call: Call) -> asyncio.Lock:
        known = next((lock for each, lock in self._jobs if each == call), None)
        if known is None:
            known = asyncio.Lock()
            self._jobs.append((call, known))
        return known


class Forked:
    """A process that was forked to run a function of this project."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.pid = process.pid or 0
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(process.sentinel, self._set_end)

    def _set_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        if self._process.exitcode == LOST_EXIT_CODE:
            _send(self.pid, signal.SIGKILL)  # it may still be running, and no longer watched
        self._end.set_result(self._process.exitcode or 0)

    async def ended(self) -> int:
        return await asyncio.shield(self._end)

    def signal(self, number: Signals) -> None:
        if not self._end.done():
            _send(self.pid, number)


class Warded:
    """A server under its warden. `pid` is the server's; it has ended when the warden has."""

    def __init__(self, warden_process: Process, pid: int) -> None:
        self._warden = warden_process
        self.pid = pid

    async def ended(self) -> int:
        code = await self._warden.wait()
        if code < 0:  # the warden was killed: its server is still running
            _send(self.pid, signal.SIGKILL)
        return code

    def signal(self, number: Signals) -> None:
        if self._warden.returncode is None:
            _send(self.pid, number)


async def _under_warden(server: Server, log: Path, listener: socket | None = None) -> Warded:
    """Start the server with the variables that it names, and no others."""
    uid, gid = server.user or (-1, -1)
    handed = [str(listener.fileno()), server.socket_name] if listener else ["-1", ""]
    with append(log) as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", warden.__file__),
            *(str(server.stop.value), str(uid), str(gid), *handed, str(server.program)),
            *server.arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=file,
            env=dict(server.environ),
            pass_fds=[listener.fileno()] if listener else [],
            start_new_session=True,
        )
    assert process.stdout is not None
    first = await process.stdout.readline()
    return Warded(process, int(first or 0))


def _send(pid: int, number: Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
