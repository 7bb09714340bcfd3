"""The open shop: start all parts, carry out the commands that arrive, close everything."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Any, Final, assert_never

import msgspec

from roadbike.local import access, keys, parts, replicas, shop_file
from roadbike.local.errors import CommandError
from roadbike.local.invocation import command_line
from roadbike.local.servers import client_limits, fallback
from roadbike.local.servers.traefik import ROUTES, SERVICE_REACHED
from roadbike.local.supervisor import control
from roadbike.local.supervisor.part import Call
from roadbike.local.supervisor.probes import http, wait_until
from roadbike.local.supervisor.supervisor import Supervisor
from roadbike.local.texts import say
from roadbike.local.up import check_settings, demo
from roadbike.local.up.options import Options
from roadbike.local.up.progress import Progress

FIRST_PATH: Final = "/stocks"  # the shop is open when the gateway answers it
GATEWAY_TIMEOUT_SECONDS: Final = 15.0  # for the gateway to reach its services at the start
HOME_CHECK_SECONDS: Final = 0.5
NOTICE_TIMEOUT_SECONDS: Final = 2.0  # for the gateway to notice that a service is back


class Shop:
    """All parts of one shop under a supervisor, from the first process to the last.

    vanished: the home, or its data outside of it, if it is not there any more.
    """

    def __init__(
        self, options: Options, progress: Progress, vanished: Callable[[], Path | None]
    ) -> None:
        self._vanished = vanished
        self._options = options
        self._home = options.home
        self._progress = progress
        self._closing = asyncio.Event()
        self._signals = 0
        all_parts = parts.all_parts(
            *(options.home, options.ports, options.environ, options.specs, options.user),
            counts=options.replicas,
        )
        self._supervisor = Supervisor(options.home, all_parts, self._show_changes)

    async def run_until_closed(self, on_open: Callable[[], None]) -> bool:
        """Open the shop and return when it was closed; False when that was before it was open.

        on_open: called once the shop answers requests.
        Raises CommandError when it cannot be opened, or when its home was removed.
        """
        for number in (SIGINT, SIGTERM, SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._close)
        fallback_server = await fallback.listen(self._options.ports.fallback)
        control_server = await control.listen(self._home, self._carry_out)
        watching = asyncio.create_task(self._close_without_home())
        try:
            if not await self._unless_closing(self._open()):
                return False
            self._progress.end_opening()
            on_open()
            await self._closing.wait()
            return True
        finally:
            self._progress.end_opening()
            watching.cancel()
            await self._supervisor.stop_all()
            fallback_server.close()
            control_server.close()
            self._note_end()

    def _note_end(self) -> None:
        gone = self._vanished()
        if gone != self._home.path:
            shop_file.update(self._home, pids={}, open=False)
        if gone:
            slug = "home-vanished" if gone == self._home.path else "data-vanished"
            up_command = command_line("up", self._home)
            raise CommandError(slug, path=gone, home=self._home.path, up_command=up_command)

    async def _close_without_home(self) -> None:
        """Close the shop when its home was removed or moved: nothing can be stored any more."""
        while (gone := self._vanished()) is None:  # noqa: ASYNC110 no event says so
            await asyncio.sleep(HOME_CHECK_SECONDS)
        self._progress.say(say("closing-home-vanished", path=gone))
        self._closing.set()

    async def _open(self) -> None:
        options = self._options
        limits = client_limits.limits(options.environ)
        shop_file.begin(
            options.home,
            options.ports,
            options.specs,
            options.replicas,
            environ=options.environ,
            limits=limits,
        )
        if job := keys.job(options.home, {spec.name: spec.callers for spec in options.specs}):
            await self._run_job("keys", job)
        access.grant(options.home, options.user)
        await self._check_settings()
        await self._supervisor.start_all()
        await self._wait_until_gateway_answers()
        shop = shop_file.read_known(options.home)
        if options.demo and not shop.demo:
            made = demo.job(options.home, options.ports, shop.logins, options.environ)
            await self._run_job("demo", made)
            shop_file.update(options.home, demo=True)
        shop_file.update(options.home, open=True)

    async def _check_settings(self) -> None:
        """Raise CommandError with every wrong setting of the services, before one is started."""
        log = self._home.log("settings")
        log.unlink(missing_ok=True)
        try:
            await self._run_job("settings", check_settings.job(self._options))
        except CommandError as error:
            raise CommandError("settings-wrong", details=error.details) from None
        finally:
            log.unlink(missing_ok=True)

    async def _run_job(self, name: str, job: Call) -> None:
        await self._supervisor.starter.run_job(name, job, self._home.log(name))

    async def _wait_until_gateway_answers(self) -> None:
        answers = http(self._options.ports.gateway, FIRST_PATH)
        try:
            await wait_until(answers, GATEWAY_TIMEOUT_SECONDS)
        except TimeoutError:
            log = self._home.log("gateway")
            raise CommandError("gateway-does-not-answer", path=FIRST_PATH, log=log) from None

    async def _start(self, name: str) -> None:
        """Start the parts and wait until the gateway reaches them: the next request does then."""
        await asyncio.gather(*(self._supervisor.start(part) for part in self._parts(name)))
        for path in ROUTES.get(replicas.service_of(name), ()):
            is_reached = http(self._options.ports.gateway, path, accept=SERVICE_REACHED)
            with contextlib.suppress(TimeoutError):  # the gateway itself may be down
                await wait_until(is_reached, NOTICE_TIMEOUT_SECONDS)

    async def _unless_closing(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do the work; cancel it and return False if the shop has to close before it is done."""
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
        if self._signals > 1:  # the person does not want to wait until the parts have drained
            self._supervisor.kill_all()

    def _show_changes(self) -> None:
        views = self._supervisor.views
        self._progress.show(views)
        pids = {view.name: view.pid for view in views if view.pid}
        with contextlib.suppress(OSError):  # the disk may be full; the next change writes it
            shop_file.update(self._home, pids={"supervisor": os.getpid()} | pids)

    def _parts(self, name: str) -> list[str]:
        """Return the parts of that name; only the supervisor knows whether there is a part."""
        return replicas.named(name, [view.name for view in self._supervisor.views]) or [name]

    async def _carry_out(self, command: control.Command) -> object:
        match command.verb:
            case "views":
                return [msgspec.to_builtins(view) for view in self._supervisor.views]
            case "start":
                await self._start(command.part)
            case "stop":
                parts = self._parts(command.part)
                await asyncio.gather(*(self._supervisor.stop(part) for part in parts))
            case "restart":
                for part in self._parts(command.part):  # the other replicas serve meanwhile
                    await self._supervisor.stop(part)
                    await self._start(part)
            case "kill":
                return [self._supervisor.kill(part) for part in self._parts(command.part)]
            case "down":
                self._closing.set()
            case _:
                assert_never(command.verb)
        return None
