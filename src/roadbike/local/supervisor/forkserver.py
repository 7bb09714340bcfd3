"""Processes forked from one that has the imports loaded; they end when the supervisor does."""

import gc
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from multiprocessing import connection, forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from socket import socket
from typing import Final

from setproctitle import setproctitle

from roadbike.local.own import PRIVATE, append
from roadbike.local.supervisor.part import Call

ENVIRON: Final = {"LANG": "C.UTF-8"}  # one is needed: setproctitle looks for it in memory
FORCED_EXIT_SECONDS: Final = 3.0  # after the supervisor has ended
PRELOADED: Final = (  # what every service imports, now or only when it is running
    "roadbike.kit.db.migrate",
    "roadbike.kit.process.server",
    "aiosqlite",
    "asyncpg",
    "encodings.idna",
    "litestar._kwargs",
    "litestar.middleware._internal.exceptions",
    "litestar.middleware.allowed_hosts",
    "litestar.middleware.csrf",
    "litestar.middleware.response_cache",
    "litestar.plugins.attrs",
    "litestar.plugins.pydantic.plugins.init",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.auto",
)


def preload(modules: Sequence[str]) -> None:
    """Start the process that children are forked from; it imports in the background."""
    # Otherwise each child would run the console script again, which imports more than it needs.
    sys.modules["__main__"].__spec__ = ModuleSpec("roadbike.__main__", None)
    multiprocessing.set_forkserver_preload([*PRELOADED, *modules])
    # Ctrl-C must not end it while it imports: it inherits that the signal is ignored.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)


def start(name: str, call: Call, log: Path, listener: socket | None = None) -> BaseProcess:
    """Fork a process that makes the call, with the listener if there is one, and writes to the log.

    It blocks until the imports are done: call it in a thread.
    """
    _ensure_running()  # it may have been killed
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_main, args=(name, call, str(log), listener), name=name)
    process.start()
    return process


def _ensure_running() -> None:
    """Start the fork server if it does not run, without the operator's environment."""
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(ENVIRON)
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _main(name: str, call: Call, log: str, listener: socket | None) -> None:
    os.umask(PRIVATE)
    gc.freeze()  # the collector would write to shared memory pages and so copy them
    os.setsid()  # Ctrl-C in the terminal must reach the supervisor only
    _redirect_output(log)
    setproctitle(f"roadbike: {name}")
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    module, _, function = call.function.partition(":")
    given = {"listener": listener} if listener else {}
    if call.user:
        _become(*call.user)
    getattr(importlib.import_module(module), function)(**call.arguments, **given)


def _become(user: int, group: int) -> None:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def _redirect_output(log: str) -> None:
    with append(Path(log)) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _end_with_supervisor() -> None:
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        connection.wait([supervisor.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(FORCED_EXIT_SECONDS)
    os._exit(1)
