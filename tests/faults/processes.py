"""Processes that a fault script starts; they end with it, even when they are stopped."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from typing import Any


@contextmanager
def child(target: Callable[..., object], *arguments: Any) -> Iterator[SpawnProcess]:
    """Run the function in a new Python process; kill it at the end of the block."""
    process = get_context("spawn").Process(target=target, args=arguments, daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()  # also ends a process that is stopped
        process.join()


def pause(process: SpawnProcess) -> None:
    """Send SIGSTOP: the process hangs and its connections stay open."""
    _send(process, signal.SIGSTOP)


def resume(process: SpawnProcess) -> None:
    _send(process, signal.SIGCONT)


def _send(process: SpawnProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)
