"""Starts all parts, each after the parts that it needs, keeps them running, and stops them."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from roadbike.local import log_files
from roadbike.local.errors import CommandError, did_you_mean
from roadbike.local.home import Home
from roadbike.local.supervisor.keeper import Keeper, View
from roadbike.local.supervisor.part import Part
from roadbike.local.supervisor.processes import Starter

MAX_FAILED_STARTS: Final = 3  # in a row, before a start is given up


class Supervisor:
    """Holds a keeper for each part. `on_change` is called whenever a part changes its state.

    Raises CommandError when the port of a part is taken.
    """

    def __init__(self, home: Home, parts: Sequence[Part], on_change: Callable[[], None]) -> None:
        self.starter = Starter()
        self._on_change = on_change
        self._changed = asyncio.Event()
        self._logs_kept_short: asyncio.Task[None] | None = None
        self._keepers = {
            part.name: Keeper(
                part,
                home.log(part.name),
                self.starter,
                partial(self._all_ready, part.needs),
                self._notify,
            )
            for part in parts
        }

    @property
    def views(self) -> list[View]:
        return [keeper.view for keeper in self._keepers.values()]

    async def start_all(self) -> None:
        """Wait until every part is ready. Raises CommandError when a part cannot start."""
        self._keep_logs_short()
        for keeper in self._keepers.values():
            keeper.start()
        while not all(keeper.ready.is_set() for keeper in self._keepers.values()):
            self._changed.clear()
            self._check(self._keepers.values())
            await self._changed.wait()

    async def stop_all(self) -> None:
        """Stop the parts that no other needs first: services drain while their databases run."""
        for keeper in self._keepers.values():
            keeper.no_more_restarts()
        needed = {need for keeper in self._keepers.values() for need in keeper.part.needs}
        for wave in (self._keepers.keys() - needed, needed):
            await asyncio.gather(*(self._keepers[name].stop() for name in wave))
        for keeper in self._keepers.values():
            keeper.close()
        if self._logs_kept_short is not None:
            self._logs_kept_short.cancel()

    async def start(self, name: str) -> None:
        """Wait until the part is ready. Raises CommandError when it cannot start."""
        keeper = self._keeper(name)
        keeper.start()
        while not keeper.ready.is_set():
            self._changed.clear()
            self._check([keeper])
            await self._changed.wait()

    async def stop(self, name: str) -> None:
        """Wait until the part has ended; it is not restarted until it is started."""
        await self._keeper(name).stop()

    def kill(self, name: str) -> int:
        """Kill the part and return the process id that it had; it will be restarted."""
        return self._keeper(name).kill()

    def kill_all(self) -> None:
        """Kill whatever is still running, so that a `stop_all` that is waiting returns soon."""
        for keeper in self._keepers.values():
            with contextlib.suppress(CommandError):  # it is not running
                keeper.kill()

    def _keep_logs_short(self) -> None:
        logs = [keeper.log for keeper in self._keepers.values()]
        self._logs_kept_short = asyncio.create_task(log_files.keep_short(logs), name="logs")

    async def _all_ready(self, names: Sequence[str]) -> None:
        for name in names:
            await self._keepers[name].ready.wait()

    def _keeper(self, name: str) -> Keeper:
        if name not in self._keepers:
            parts, hint = ", ".join(self._keepers), did_you_mean(name, self._keepers)
            raise CommandError("no-such-part", part=name, parts=parts, hint=hint)
        return self._keepers[name]

    def _check(self, keepers: Iterable[Keeper]) -> None:
        for keeper in keepers:
            keeper.check()
            if keeper.failed_starts >= MAX_FAILED_STARTS:
                raise CommandError(
                    "part-does-not-start",
                    details=keeper.last_lines(),
                    part=keeper.part.name,
                    problem=keeper.view.problem,
                )

    def _notify(self) -> None:
        self._changed.set()
        self._on_change()
