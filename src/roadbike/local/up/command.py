"""`roadbike up`: check that the shop can be opened here, open it, and show a summary."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from os.path import samestat
from pathlib import Path
from typing import Final, TextIO

import psutil
from rich.console import Console
from setproctitle import setproctitle

from roadbike.local import home as homes
from roadbike.local import ports, replicas, shop_file, users
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.invocation import command_line, up_line
from roadbike.local.log_files import last_lines
from roadbike.local.own import PRIVATE, append
from roadbike.local.servers import binaries, kafka, postgres
from roadbike.local.supervisor import control, forkserver
from roadbike.local.terminal import console
from roadbike.local.texts import say
from roadbike.local.up import fresh, summary
from roadbike.local.up.options import Options
from roadbike.local.up.progress import Progress, progress
from roadbike.local.up.shop import Shop

LEFTOVER_TIMEOUT_SECONDS: Final = 6.0  # processes of a killed supervisor end within 3 s
POLL_SECONDS: Final = 0.1
INTERRUPTED_EXIT_CODE: Final = 130  # as shells report Ctrl-C


def up(options: Options) -> None:
    """Open the shop and keep it open; return when it was closed.

    Raises CommandError when it cannot be opened, or is interrupted before it is open.
    """
    os.umask(PRIVATE)
    to = console()
    try:
        was_open = _open(options, to)
    except KeyboardInterrupt:  # before the supervisor handled the signal
        was_open = False
        if to.is_terminal:
            to.print()  # ends the line in which the terminal shows ^C
    if not was_open:
        raise _interrupted()
    to.print(say("shop-closed-data-kept"), highlight=False)


def _interrupted() -> CommandError:
    return CommandError("start-interrupted", code=INTERRUPTED_EXIT_CODE)


def _open(options: Options, to: Console) -> bool:
    """Return when the shop was closed again; False when it was closed before it was open."""
    claim = _claim(options)  # until this process ends
    _clear(options)
    options = _with_user(options, to)
    forkserver.preload([f"{spec.package}.app" for spec in options.specs])
    setproctitle("roadbike: supervisor")

    async def run() -> bool:
        shop = Shop(options, progress(to), partial(homes.vanished, options.home, claim))
        return await shop.run_until_closed(lambda: _summarize(options, to))

    return asyncio.run(run())


def _with_user(options: Options, to: Console) -> Options:
    """Return the options with the user that the parts run as; say so if it is root."""
    user = users.unprivileged(options.environ)
    if user is None:
        return options
    programs = (*_broker_program(options), binaries.traefik(options.environ))
    if problem := users.obstacle(user, options.home.path, programs):
        line = say("services-as-root", problem=problem)
        to.print(line, soft_wrap=True, markup=False, highlight=False)
        return options
    return replace(options, user=user)


def _summarize(options: Options, to: Console) -> None:
    summary.show(options.home, to, passwords=not _is_log(options.home, sys.stdout))


def up_detached(options: Options) -> None:
    """Open the shop in the background, and show its summary when it is open.

    Raises CommandError as `open_in_background` does.
    """
    open_in_background(options)
    summary.show(options.home, console())


def open_in_background(options: Options, to: Console | None = None) -> None:
    """Return when the shop is open; it goes on in a process of its own.

    to: where its progress is shown.
    Raises CommandError when it cannot be opened, or the wait is interrupted.
    """
    os.umask(PRIVATE)
    claim = _claim(options)
    _clear(options)
    os.close(claim)  # the background process claims the home for itself
    log = options.home.log("supervisor")
    command = ["up", "--home", str(options.home.path), "--port-base", str(options.ports.base)]
    command += replicas.written(options.replicas)
    log.unlink(missing_ok=True)
    with append(log) as file:
        process = subprocess.Popen(  # noqa: S603  this same program
            [sys.executable, "-m", "roadbike", *command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=dict(options.environ),
            start_new_session=True,
        )
    to = to or console()
    _with_user(options, to)
    _wait_until_open(options.home, process, progress(to))


def _wait_until_open(home: Home, process: "subprocess.Popen[bytes]", shown_on: Progress) -> None:
    try:
        while not _is_open(home, process.pid):
            if process.poll() is not None:
                lines = last_lines(home.log("supervisor"), 30)
                raise CommandError("could-not-open", details=lines)
            with contextlib.suppress(CommandError):  # it does not accept commands yet
                shown_on.show(control.views(home))
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise _interrupted() from None
    finally:
        shown_on.end_opening()


def _is_log(home: Home, output: TextIO) -> bool:
    """Return whether the output is written to the supervisor's log."""
    log = home.log("supervisor")
    return log.exists() and samestat(os.fstat(output.fileno()), log.stat())


def _is_open(home: Home, pid: int) -> bool:
    shop = shop_file.read(home)
    return shop is not None and shop.open and shop.pids.get("supervisor") == pid


def _claim(options: Options) -> int:
    """Lock the home and return the lock. Raises CommandError when a shop may not be opened here."""
    home = options.home
    if options.environ.get("ROADBIKE_ENV") == "production":
        up_command, serve_command = command_line("up"), command_line("serve SERVICE")
        raise CommandError("not-for-production", up_command=up_command, serve_command=serve_command)
    if not home.was_used:
        _check_first_start(options)
    homes.check(home)
    homes.check_disk(home, postgres.place(home, users.unprivileged(options.environ)))
    homes.make_home(home)
    claim = homes.lock(home)
    if claim is None:
        raise _already_running(home)
    homes.open_home(home)
    if not options.fresh:
        shop_file.read(home)  # data of another version are refused before anything is started
    return claim


def _already_running(home: Home) -> CommandError:
    return CommandError(
        "already-running",
        path=home.path,
        pid=shop_file.pids(home).get("supervisor") or say("unknown"),
        status_command=command_line("status", home),
        down_command=command_line("down", home),
    )


def _check_first_start(options: Options) -> None:
    """Check, before anything is made in a new home, what would be refused later."""
    _check_ports(options)
    binaries.postgres(options.environ, data_major=None)
    _broker_program(options)
    binaries.traefik(options.environ)


def _broker_program(options: Options) -> tuple[Path, ...]:
    """Return the program of the broker; none if one runs outside of the shop."""
    outside = kafka.url(options.environ)
    return () if outside else (binaries.nats_server(options.environ),)


def _clear(options: Options) -> None:
    """End processes that a killed supervisor left, check the ports, delete data with --fresh."""
    _end_leftovers(options.home)
    _check_ports(options)
    if options.fresh:
        fresh.confirm(options.home, yes=options.yes)
        homes.empty(options.home)
        homes.open_home(options.home)


def _check_ports(options: Options) -> None:
    """Raise CommandError with the command that works when a port is taken."""
    port = ports.first_taken(options.all_ports)
    if port is None:
        return
    holder, base = ports.holder(port), options.ports.base
    other = ports.free_base(base, [each - base for each in options.all_ports])
    if other is None:
        raise CommandError("ports-taken-everywhere", port=port, holder=holder)
    command = up_line(options.environ, f"{_flags(options)}--port-base {other}", options.home)
    raise CommandError("ports-taken", port=port, holder=holder, other_command=command)


def _flags(options: Options) -> str:
    chosen = [f"--{name}" for name in ("detach", "fresh", "yes") if getattr(options, name)]
    return "".join(f"{flag} " for flag in (*chosen, *replicas.written(options.replicas)))


def _end_leftovers(home: Home) -> None:
    """Wait until the processes of a killed supervisor have ended; kill those that do not."""
    left = []
    for pid in shop_file.pids(home).values():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.create_time() <= home.shop_json.stat().st_mtime:  # the pid was not reused
                left.append(process)
    _, alive = psutil.wait_procs(left, timeout=LEFTOVER_TIMEOUT_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=LEFTOVER_TIMEOUT_SECONDS)
