"""A database server for tests, which a test can start, stop and kill.

It runs under the watcher of one-machine mode, so that it ends when this process ends.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from typing import ClassVar, Final

from roadbike.local.supervisor import warden

MEMORY_NEEDED: Final = 1_000_000_000  # bytes
NOBODY_ELSE: Final = (-1, -1)  # the user and group of this process


class WatchedServer:
    """A server on a free port, with a folder of its own."""

    name: ClassVar[str]
    ready_line: ClassVar[str]  # a part of the line of its log with which it is ready
    stop_signal: ClassVar[signal.Signals]  # of an orderly shutdown

    def __init__(self) -> None:
        self.port = _free_port()
        self._home = Path(tempfile.mkdtemp(prefix="roadbike-test-", dir=_fast_folder()))

    def wait_until_ready(self) -> None:
        """Raises RuntimeError with the last log lines if it does not start."""
        self._ready.wait()
        if not self.runs():
            raise RuntimeError(f"{self.name} does not start:\n" + "".join(self._log))

    def runs(self) -> bool:
        return self._process.poll() is None

    def stop(self, how: signal.Signals | None = None) -> None:
        """Send it a signal (by default that of an orderly shutdown) and wait until it has ended."""
        if self.runs():
            os.kill(self._pid, how or self.stop_signal)
        self._process.wait()
        self._reader.join()  # ends when the last process has closed the log's pipe

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home)

    def _run(self, server: Sequence[str], user: tuple[int, int] = NOBODY_ELSE) -> None:
        """Start the server as that user."""
        watcher = [sys.executable, "-I", "-S", warden.__file__, f"{self.stop_signal:d}"]
        self._process = subprocess.Popen(  # noqa: S603  a server that was found for the tests
            [*watcher, *map(str, user), "-1", "", *server],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
        self._log = deque[str](maxlen=40)
        self._ready = Event()
        self._reader = Thread(target=self._read_log, daemon=True)
        self._reader.start()
        assert self._process.stdout is not None
        self._pid = int(self._process.stdout.readline())

    def _read_log(self) -> None:
        for line in self._process.stderr or ():
            self._log.append(line)
            if self.ready_line in line:
                self._ready.set()
        self._process.wait()
        self._ready.set()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _fast_folder() -> Path | None:
    """Return a folder in memory if there is space: creating databases takes most of the time."""
    memory = Path("/dev/shm")  # noqa: S108  mkdtemp makes a private folder in it
    usable = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_NEEDED
    return memory if usable else None
