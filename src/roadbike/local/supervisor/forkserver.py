"""Our own processes: forked from one that has the imports done, ended with the supervisor."""

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
from typing import Final

from setproctitle import setproctitle

from roadbike.local.supervisor.part import Call

PATIENCE: Final = 3.0  # seconds between the supervisor's death and the end by force
STACK: Final = (  # what every service imports, and what it would import only once it runs
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
    """Starts the process that children are forked from; its imports go on in the background."""
    # Else each child would run the console script again, with all that only the command needs.
    sys.modules["__main__"].__spec__ = ModuleSpec("roadbike.__main__", None)
    multiprocessing.set_forkserver_preload([*STACK, *modules])
    # While it imports, a Ctrl-C would end it; what is ignored here stays ignored there.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)


def start(name: str, call: Call, log: Path) -> BaseProcess:
    """Blocks until the imports are done; called in a thread."""
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_main, args=(name, call, str(log)), name=name)
    process.start()
    return process


def _main(name: str, call: Call, log: str) -> None:
    gc.freeze()  # keeps the collector from touching, and so copying, the memory shared by all
    os.setsid()  # a Ctrl-C in the terminal is the supervisor's to handle
    _write_to(log)
    setproctitle(f"roadbike: {name}")
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    module, _, function = call.function.partition(":")
    run = getattr(importlib.import_module(module), function)
    run(**call.arguments)


def _write_to(log: str) -> None:
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def _end_with_supervisor() -> None:
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        connection.wait([supervisor.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(1)
