"""A load that runs in a process of its own, beside what the drill does meanwhile."""

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from roadbike.local.errors import CommandError
from roadbike.ops.drills.answers import Answer
from roadbike.ops.drills.load import Plan

LOAD: Final = (sys.executable, "-m", "roadbike.ops.drills.load")
LONGEST_LINE: Final = 1 << 26  # bytes of one report
MORE_SECONDS: Final = 60.0


class RunningLoad:
    """A load under way. answers: all so far; each has the time at which it was sent.

    cpu_seconds: of the processor, that the process has used; known when it has ended.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.answers: list[Answer] = []
        self.cpu_seconds = 0.0
        self._process = process
        self._used_before = _used_by_children()
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def ended(self) -> list[Answer]:
        """Wait until the plan is done, and return all answers. Raises CommandError on a failure."""
        await self._reading
        if await self._process.wait():
            raise CommandError("drill-load-failed")
        self.cpu_seconds = _used_by_children() - self._used_before
        return self.answers

    async def stop(self) -> list[Answer]:
        """Send nothing more, wait for the last answers, and return all of them."""
        self._end_input()
        return await self.ended()

    async def more(self, count: int, seconds: float = MORE_SECONDS) -> None:
        """Wait until so many more requests were answered. Raises CommandError if they are not."""
        wanted = len(self.answers) + count
        try:
            async with asyncio.timeout(seconds):
                while len(self.answers) < wanted:
                    if self._reading.done():
                        raise CommandError("drill-load-failed")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise CommandError("drill-load-unanswered", seconds=f"{seconds:g}") from None

    async def abandon(self) -> None:
        """End the process if it still runs; its last answers are dropped."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        self._end_input()
        await self._reading
        await self._process.wait()

    def _end_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.answers += msgspec.json.decode(line, type=list[Answer])
            self._news.set()
        self._news.set()


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # of those that have ended
    return used.ru_utime + used.ru_stime


@asynccontextmanager
async def load(plan: Plan) -> AsyncIterator[RunningLoad]:
    """Put the load for the block; what is under way at its end is abandoned."""
    process = await asyncio.create_subprocess_exec(
        *LOAD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ),
        limit=LONGEST_LINE,
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(plan) + b"\n")
    running = RunningLoad(process)
    try:
        yield running
    finally:
        await running.abandon()


async def answered(plan: Plan) -> list[Answer]:
    """Put the whole load and return the answers. Raises CommandError when it fails."""
    async with load(plan) as running:
        return await running.ended()
