"""A PostgreSQL server for tests, which a test can start, stop and kill."""

import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Final

import asyncpg

from roadbike.local import home, own
from roadbike.local.servers import postgres
from tests.certificates import Certificate
from tests.watched import NOBODY_ELSE, WatchedServer

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


class PostgresServer(WatchedServer):
    """A server on a free port, without passwords. It ends when this process ends."""

    name = "PostgreSQL"
    ready_line = "ready to accept connections"
    stop_signal = signal.SIGINT  # its fast shutdown
    settings: Mapping[str, str] = SETTINGS

    def __init__(self) -> None:
        super().__init__()
        self._home.chmod(0o711)  # the user that runs PostgreSQL needs access
        self._cluster = postgres.find(home.at(self._home), os.environ)
        self._initdb()

    def encrypt(self, certificate: Certificate) -> None:
        """Offer TLS from the next start on."""
        for name, text in (("server.crt", certificate.cert), ("server.key", certificate.key)):
            path = self._cluster.data / name
            own.write(path, text.encode())
            if self._cluster.user:
                os.chown(path, *self._cluster.user)
        self.settings = {**self.settings, "ssl": "on"}

    def start(self, *, wait: bool = True) -> None:
        settings = {**self.settings, "port": str(self.port)}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        server = [str(self._cluster.folder / "postgres"), "-D", str(self._cluster.data), *flags]
        self._run(server, self._cluster.user or NOBODY_ELSE)
        if wait:
            self.wait_until_ready()

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
