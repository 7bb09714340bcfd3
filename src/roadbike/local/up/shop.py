"""The shop as a whole: opens it, obeys the commands that reach it, closes it."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Any, Final

import msgspec

from roadbike.local import keys, services, shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home, read_shop
from roadbike.local.ports import Ports
from roadbike.local.servers import fallback
from roadbike.local.servers.traefik import ROUTES
from roadbike.local.services import ServiceSpec
from roadbike.local.supervisor import control
from roadbike.local.supervisor.part import Call
from roadbike.local.supervisor.probes import http, serves, until
from roadbike.local.supervisor.supervisor import Supervisor
from roadbike.local.up import demo
from roadbike.local.up.progress import Screen

OPEN_LIMIT: Final = 15.0  # seconds for the gateway to see its services
SEEN_LIMIT: Final = 2.0  # seconds for it to see one that is back


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    home: Home
    ports: Ports
    environ: Mapping[str, str]  # what the person at the keyboard set
    specs: tuple[ServiceSpec, ...]
    first_look: str = "/stocks"  # answered through the gateway before the shop counts as open
    demo: bool = True  # makes the log-ins and bikes at the first start


class Shop:
    def __init__(self, plan: Plan, screen: Screen) -> None:
        self._plan = plan
        self._screen = screen
        self._closing = asyncio.Event()
        self._signals = 0
        made = services.shop(plan.home, plan.ports, plan.environ, plan.specs)
        self._supervisor = Supervisor(plan.home, made, self._changed)

    async def run(self, opened: Callable[[], None]) -> bool:
        """From the first process to the last; False when it was closed before it was open.

        `opened` is called once the shop answers.
        """
        for number in (SIGINT, SIGTERM, SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._close)
        backend = await fallback.listen(self._plan.ports.away)
        desk = await control.listen(self._plan.home, self._obey)
        try:
            if not await self._unless_closing(self._open()):
                return False
            self._screen.settle()
            opened()
            await self._closing.wait()
            return True
        finally:
            self._screen.settle()
            await self._supervisor.stop_all()
            shop_file.note(self._plan.home, pids={}, open=False)
            backend.close()
            desk.close()

    async def _open(self) -> None:
        plan = self._plan
        shop_file.begin(plan.home, plan.ports, plan.specs)
        if call := keys.missing(plan.home, {each.name: each.callers for each in plan.specs}):
            await self._run("keys", call)
        await self._supervisor.start_all()
        await self._answered()
        if plan.demo and not read_shop(plan.home)["demo"]:
            await self._run("demo", demo.call(plan.home, plan.ports))
            shop_file.note(plan.home, demo=True)
        shop_file.note(plan.home, open=True)

    async def _run(self, name: str, call: Call) -> None:
        await self._supervisor.starter.run(name, call, self._plan.home.log(name))

    async def _answered(self) -> None:
        look = http(self._plan.ports.gateway, self._plan.first_look)
        try:
            await until(look, OPEN_LIMIT)
        except TimeoutError:
            log = self._plan.home.log("gateway")
            raise CommandError(
                f"the gateway does not answer GET {self._plan.first_look}: see {log}"
            ) from None

    async def _start(self, part: str) -> None:
        """Until the gateway has seen it too, so that the next request reaches it."""
        await self._supervisor.start(part)
        for path in ROUTES.get(part, ()):
            with contextlib.suppress(TimeoutError):  # the gateway itself may be down
                await until(serves(self._plan.ports.gateway, path), SEEN_LIMIT)

    async def _unless_closing(self, work: Coroutine[Any, Any, None]) -> bool:
        task, closing = asyncio.create_task(work), asyncio.create_task(self._closing.wait())
        await asyncio.wait([task, closing], return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
            return False
        task.result()
        return True

    def _close(self) -> None:
        self._closing.set()
        self._signals += 1
        if self._signals > 1:  # asked again: no more patience
            self._supervisor.end_now()

    def _changed(self) -> None:
        views = self._supervisor.views
        self._screen.show(views)
        pids = {view.name: view.pid for view in views if view.pid}
        with contextlib.suppress(OSError):  # a full disk: told again at the next change
            shop_file.note(self._plan.home, pids={"supervisor": os.getpid()} | pids)

    async def _obey(self, order: control.Order) -> object:
        match order.what:
            case "views":
                return [msgspec.to_builtins(view) for view in self._supervisor.views]
            case "start":
                await self._start(order.part)
            case "stop":
                await self._supervisor.stop(order.part)
            case "restart":
                await self._supervisor.stop(order.part)
                await self._start(order.part)
            case "kill":
                return self._supervisor.kill(order.part)
            case "down":
                self._closing.set()
            case _:
                raise CommandError(f"the running shop does not know the order {order.what}")
        return None
