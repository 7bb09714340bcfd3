"""`roadbike up`: checks that the shop can be opened here, opens it, and says so in one box."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import psutil
from rich.console import Console
from setproctitle import setproctitle

from roadbike.local import home as homes
from roadbike.local import ports
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.invocation import command_line
from roadbike.local.log_files import append, last_lines
from roadbike.local.ports import Ports
from roadbike.local.servers import binaries
from roadbike.local.services import SERVICES, ServiceSpec
from roadbike.local.supervisor import control, forkserver
from roadbike.local.up import summary
from roadbike.local.up.progress import Screen, console, screen
from roadbike.local.up.shop import Plan, Shop

LEFTOVERS: Final = 6.0  # seconds for the processes of a killed supervisor to end by themselves
LOOK: Final = 0.1  # seconds between two looks at a shop that opens in the background
INTERRUPT: Final = 130  # exit code, as a shell tells of Ctrl-C


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    home: Home
    base: int
    fresh: bool
    environ: Mapping[str, str]
    specs: tuple[ServiceSpec, ...] = SERVICES
    demo: bool = True


def up(wish: Wish) -> None:
    """Returns when the shop was closed again."""
    to = console()
    try:
        was_open = _open(wish, to)
    except KeyboardInterrupt:  # before there was a shop to hear it
        was_open = False
        if to.is_terminal:
            to.print()  # ends the line in which it shows ^C
    if not was_open:
        raise _interrupted()
    to.print("The shop is closed; its data stay.", highlight=False)


def _interrupted() -> CommandError:
    return CommandError(
        "the opening was interrupted: the shop is closed, its data stay", code=INTERRUPT
    )


def _open(wish: Wish, to: Console) -> bool:
    """Returns when it was closed; False when it never was open."""
    _claim(wish)  # until this process ends
    counted = _clear_ground(wish)
    forkserver.preload([f"{spec.package}.app" for spec in wish.specs])
    setproctitle("roadbike: supervisor")
    plan = Plan(
        home=wish.home,
        ports=counted,
        environ=wish.environ,
        specs=wish.specs,
        demo=wish.demo,
    )

    async def run() -> bool:
        return await Shop(plan, screen(to)).run(lambda: summary.show(plan.home, to))

    return asyncio.run(run())


def up_detached(wish: Wish) -> None:
    """Returns when the shop is open; it goes on in the background."""
    claim = _claim(wish)
    _clear_ground(wish)
    os.close(claim)
    log = wish.home.log("supervisor")
    command = ["up", "--home", str(wish.home.path), "--port-base", str(wish.base)]
    log.unlink(missing_ok=True)
    with append(log) as file:  # the box is in it, with its passwords
        process = subprocess.Popen(  # noqa: S603  this same program
            [sys.executable, "-m", "roadbike", *command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    to = console()
    _follow(wish.home, process, screen(to))
    summary.show(wish.home, to)


def _follow(home: Home, process: "subprocess.Popen[bytes]", on: Screen) -> None:
    try:
        while not _is_open(home, process.pid):
            if process.poll() is not None:
                lines = last_lines(home.log("supervisor"), 30)
                raise CommandError("the shop could not be opened", details=lines)
            with contextlib.suppress(CommandError):  # not there yet
                on.show(control.views(home))
            time.sleep(LOOK)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise _interrupted() from None
    finally:
        on.settle()


def _is_open(home: Home, pid: int) -> bool:
    shop = homes.read_shop(home)
    return bool(shop.get("open")) and shop["pids"].get("supervisor") == pid


def _claim(wish: Wish) -> int:
    if wish.environ.get("ROADBIKE_ENV") == "production":
        raise CommandError(
            f"`{command_line('up')}` is for one machine and makes keys and log-ins of its own: in "
            f"production run `{command_line('serve SERVICE')}`, or unset ROADBIKE_ENV"
        )
    if not wish.home.is_begun:
        _check_new(wish)
    homes.open_home(wish.home)
    claim = homes.lock(wish.home)
    if claim == -1:
        pid = homes.read_shop(wish.home).get("pids", {}).get("supervisor", "unknown")
        raise CommandError(
            f"a shop is already running in {wish.home.path} (pid {pid}): see "
            f"`{command_line('status', wish.home)}`, "
            f"stop it with `{command_line('down', wish.home)}`, "
            "or choose another folder with --home and --port-base"
        )
    return claim


def _check_new(wish: Wish) -> None:
    """What would be refused later is refused before anything is made in a new home."""
    _free_ports(wish)
    binaries.postgres(wish.environ, data_major=None)
    binaries.nats_server(wish.environ)
    binaries.traefik(wish.environ)


def _clear_ground(wish: Wish) -> Ports:
    _await_leftovers(wish.home)
    counted = _free_ports(wish)
    if wish.fresh:
        homes.empty(wish.home)
        homes.open_home(wish.home)
    return counted


def _free_ports(wish: Wish) -> Ports:
    counted = ports.check_base(wish.base)
    used = [spec.port(counted) for spec in wish.specs]
    ports.check_free([*used, counted.gateway, counted.away, counted.postgres, counted.nats])
    return counted


def _await_leftovers(home: Home) -> None:
    """A killed supervisor's processes end by themselves, a moment later."""
    left = []
    for pid in homes.read_shop(home).get("pids", {}).values():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if (
                process.create_time() <= home.shop_json.stat().st_mtime
            ):  # not its number's next owner
                left.append(process)
    _, alive = psutil.wait_procs(left, timeout=LEFTOVERS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=LEFTOVERS)
