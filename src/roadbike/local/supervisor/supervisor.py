"""Starts the parts in the order of their needs, keeps them running, and stops them in reverse."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from roadbike.local.errors import CommandError, nearest
from roadbike.local.home import Home
from roadbike.local.supervisor.keeper import Keeper, View
from roadbike.local.supervisor.part import Part
from roadbike.local.supervisor.processes import Starter

TRIES: Final = 3  # of a part that ends before it was ever ready, while the shop starts


class Supervisor:
    def __init__(self, home: Home, parts: Sequence[Part], changed: Callable[[], None]) -> None:
        self.starter = Starter()
        self._changed = changed
        self._news = asyncio.Event()
        self._keepers = {
            part.name: Keeper(
                part,
                home.log(part.name),
                self.starter,
                partial(self._all_ready, part.needs),
                self._tell,
            )
            for part in parts
        }

    @property
    def views(self) -> list[View]:
        return [keeper.view for keeper in self._keepers.values()]

    async def start_all(self) -> None:
        """Returns when every part is ready; a part that cannot start is a CommandError."""
        for keeper in self._keepers.values():
            keeper.start()
        while not all(keeper.ready.is_set() for keeper in self._keepers.values()):
            self._news.clear()
            self._refuse_failed(self._keepers.values())
            await self._news.wait()

    async def stop_all(self) -> None:
        """First what nothing else needs, so that it drains with its database still there."""
        for keeper in self._keepers.values():
            keeper.let_end()
        needed = {need for keeper in self._keepers.values() for need in keeper.part.needs}
        for wave in (self._keepers.keys() - needed, needed):
            await asyncio.gather(*(self._keepers[name].stop() for name in wave))

    async def start(self, name: str) -> None:
        keeper = self._keeper(name)
        keeper.start()
        while not keeper.ready.is_set():
            self._news.clear()
            self._refuse_failed([keeper])
            await self._news.wait()

    async def stop(self, name: str) -> None:
        await self._keeper(name).stop()

    def kill(self, name: str) -> int:
        return self._keeper(name).kill()

    def end_now(self) -> None:
        for keeper in self._keepers.values():
            keeper.end_now()

    async def _all_ready(self, names: Sequence[str]) -> None:
        for name in names:
            await self._keepers[name].ready.wait()

    def _keeper(self, name: str) -> Keeper:
        if name not in self._keepers:
            parts, meant = ", ".join(self._keepers), nearest(name, self._keepers)
            raise CommandError(f"there is no {name}: the parts are {parts}{meant}")
        return self._keepers[name]

    def _refuse_failed(self, keepers: Iterable[Keeper]) -> None:
        for keeper in keepers:
            keeper.check()
            if keeper.early_ends >= TRIES:
                problem = f"{keeper.part.name} does not start: {keeper.view.problem}"
                raise CommandError(problem, details=keeper.last_lines())

    def _tell(self) -> None:
        self._news.set()
        self._changed()
