"""A PostgreSQL cluster for tests: made, started, stopped and killed at will."""

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
    "fsync": "off",  # no test outlives a power cut
    "full_page_writes": "off",
}
ROOM: Final = 1_000_000_000  # bytes


class PostgresServer:
    """A cluster of one's own, on a free port, without passwords. Gone when this process is."""

    def __init__(self) -> None:
        self.port = _free_port()
        self._home = Path(tempfile.mkdtemp(prefix="roadbike-test-", dir=_quick_folder()))
        self._home.chmod(0o711)  # PostgreSQL's user has to get through
        self._cluster = postgres.find(home.at(self._home), os.environ)
        self._initdb()

    def start(self, *, wait: bool = True) -> None:
        settings = SETTINGS | {"port": str(self.port)}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        user = self._cluster.user or (-1, -1)
        warder = [sys.executable, "-I", "-S", warden.__file__, f"{signal.SIGINT:d}"]
        server = [str(self._cluster.folder / "postgres"), "-D", str(self._cluster.data), *flags]
        self._process = subprocess.Popen(  # noqa: S603  found by roadbike.local
            [*warder, *map(str, user), "-1", "", *server],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a signal to the whole group of the tests is not the warden's
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
        """Raises RuntimeError with its last log lines when it does not start."""
        self._ready.wait()
        if not self.runs():
            raise RuntimeError("PostgreSQL does not start:\n" + "".join(self._log))

    def runs(self) -> bool:
        return self._process.poll() is None

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is the fast shutdown. Returns when the last of its processes is gone."""
        if self.runs():
            os.kill(self._pid, how)
        self._process.wait()
        self._reader.join()  # they all hold the pipe of its log

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


def _quick_folder() -> Path | None:
    """In memory where that is to be had: making databases is most of what the tests wait for."""
    memory = Path("/dev/shm")  # noqa: S108  mkdtemp makes a private folder in it
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return memory if roomy else None
