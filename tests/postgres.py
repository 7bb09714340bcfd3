"""A PostgreSQL server for tests, which a test can start, stop and kill."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path
from threading import Event, Thread
from typing import Final

import asyncpg

from roadbike.local import home, own
from roadbike.local.servers import postgres
from roadbike.local.supervisor import warden

READY: Final = "ready to accept connections"
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "128MB",
    "jit": "off",
    "deadlock_timeout": "100ms",
    "log_min_messages": "warning",
    "fsync": "off",  # no test needs its data after a power failure
    "full_page_writes": "off",
}
MEMORY_NEEDED: Final = 1_000_000_000  # bytes


class PostgresServer:
    """A server on a free port, without passwords. It ends when this process ends."""

    def __init__(self) -> None:
        self.port = _free_port()
        self._home = Path(tempfile.mkdtemp(prefix="roadbike-test-", dir=_fast_folder()))
        self._home.chmod(0o711)  # the user that runs PostgreSQL needs access
        self._cluster = postgres.find(home.at(self._home), os.environ)
        self._initdb()

    def start(self, *, wait: bool = True) -> None:
        settings = SETTINGS | {"port": str(self.port)}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        user = self._cluster.user or (-1, -1)
        watcher = [sys.executable, "-I", "-S", warden.__file__, f"{signal.SIGINT:d}"]
        server = [str(self._cluster.folder / "postgres"), "-D", str(self._cluster.data), *flags]
        self._process = subprocess.Popen(  # noqa: S603  found by roadbike.local
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
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Raises RuntimeError with the last log lines if it does not start."""
        self._ready.wait()
        if not self.runs():
            raise RuntimeError("PostgreSQL does not start:\n" + "".join(self._log))

    def runs(self) -> bool:
        return self._process.poll() is None

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Send it a signal (SIGINT: fast shutdown) and wait until all its processes have ended."""
        if self.runs():
            os.kill(self._pid, how)
        self._process.wait()
        self._reader.join()  # ends when the last process has closed the log's pipe

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    async def execute(self, statement: str) -> None:
        """Run one statement as superuser, outside of any transaction."""
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self.port, user="postgres", database="postgres"
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _read_log(self) -> None:
        for line in self._process.stderr or ():
            self._log.append(line)
            if READY in line:
                self._ready.set()
        self._process.wait()
        self._ready.set()

    def _initdb(self) -> None:
        own.folder(self._cluster.data)
        if self._cluster.user:
            own.hand_over(self._cluster.data, self._cluster.user)
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        user, group = self._cluster.user or (None, None)
        done = subprocess.run(  # noqa: S603  found by roadbike.local
            [self._cluster.folder / "initdb", "-D", self._cluster.data, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )
        if done.returncode:
            raise RuntimeError(f"initdb fails:\n{done.stdout}{done.stderr}")


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
