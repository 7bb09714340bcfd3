"""A MariaDB server for tests, which a test can start, stop and kill; and copies of databases."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from typing import Any, Final

import asyncmy
import asyncmy.errors

from tests.watched import WatchedServer
from tools import mariadb

USER: Final = "tester"
PASSWORD: Final = "of the tests"
PASSWORD_IN_URL: Final = PASSWORD.replace(" ", "%20")
SYSTEM_TABLES: Final = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
)
SETTINGS: Final = {
    "bind-address": "127.0.0.1",
    "max-connections": "200",
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "32M",
    "innodb-flush-log-at-trx-commit": "0",  # no test needs its data after a power failure
    "innodb-doublewrite": "0",
    "performance-schema": "OFF",
    "skip-name-resolve": "ON",
}


class MariaDBServer(WatchedServer):
    """A server on a free port. It ends when this process ends.

    settings: besides SETTINGS, or instead of them.
    """

    name = "MariaDB"
    ready_line = "ready for connections"
    stop_signal = signal.SIGTERM

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        super().__init__()
        self._settings = SETTINGS | (settings or {})
        program, scripts = mariadb.found(), mariadb.scripts()
        if program is None or scripts is None:
            raise RuntimeError(mariadb.MISSING)
        self._program, self._scripts = program, scripts
        self._make_system_tables()

    def start(self) -> None:
        settings = self._settings | {
            "port": str(self.port),
            "socket": str(self._home / "socket"),
            "pid-file": str(self._home / "pid"),
        }
        flags = [f"--{name}={value}" if value else f"--{name}" for name, value in settings.items()]
        self._run([*self._command(), *flags])
        self.wait_until_ready()

    def freeze(self) -> None:
        """Stop the process, so that it answers nothing."""
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def remove(self) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self._home)

    def url(self, database: str, user: str = USER, password: str = PASSWORD_IN_URL) -> str:
        return f"mariadb+asyncmy://{user}:{password}@127.0.0.1:{self.port}/{database}"

    async def execute(self, *statements: str, database: str | None = None) -> None:
        """Run the statements as a user with all rights, outside of any transaction."""
        async with await self.connect(database) as connection:
            for statement in statements:
                await connection.query(statement)

    async def rows(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of the statement."""
        async with await self.connect(database) as connection, connection.cursor() as cursor:
            await cursor.execute(statement)
            return list(await cursor.fetchall())

    async def connect(self, database: str | None = None) -> Any:
        """Return an open connection of the driver."""
        return await asyncmy.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            database=database,
            autocommit=True,
        )

    async def create(self, database: str) -> None:
        """Create an empty database."""
        await self.execute(f"CREATE DATABASE {database} COLLATE utf8mb4_nopad_bin")

    async def drop(self, database: str) -> None:
        """Delete a database, and end the connections to it: with an open one it would wait."""
        found = "SELECT id FROM information_schema.processlist WHERE db = "
        for (id_,) in await self.rows(f"{found}'{database}'"):
            with suppress(asyncmy.errors.OperationalError):  # it has ended meanwhile
                await self.execute(f"KILL {id_}")
        await self.execute(f"DROP DATABASE {database}")

    async def copy(self, template: str, database: str) -> None:
        """Create a database with the tables, sequences, triggers and rows of another one."""
        await self.create(database)
        statements = []
        for name, kind in await self.rows(f"SHOW FULL TABLES FROM {template}"):
            if kind == "SEQUENCE":
                statements.append(f"CREATE SEQUENCE `{name}`")
                continue
            statements.append(f"CREATE TABLE `{name}` LIKE {template}.`{name}`")
            statements.append(f"INSERT INTO `{name}` SELECT * FROM {template}.`{name}`")  # noqa: S608 names of ours
        for row in await self.rows(f"SHOW TRIGGERS FROM {template}"):
            made = await self.rows(f"SHOW CREATE TRIGGER {template}.`{row[0]}`")
            statements.append(made[0][2])
        await self.execute(*statements, database=database)

    def _command(self) -> list[str]:
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        data = f"--datadir={self._home / 'data'}"
        return [self._program, "--no-defaults", data, *as_root]

    def _make_system_tables(self) -> None:
        (self._home / "data").mkdir()
        of_server = [(self._scripts / name).read_text("utf-8") for name in SYSTEM_TABLES]
        own = f"""
FLUSH PRIVILEGES;
CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;
DROP USER IF EXISTS root@localhost, 'mariadb.sys'@localhost;
"""
        statements = "\n".join(["create database mysql;", "use mysql;", *of_server, own])
        done = subprocess.run(  # noqa: S603  found by tools.mariadb
            [*self._command(), "--bootstrap", "--skip-log-bin", "--innodb-log-file-size=32M"],
            input=statements,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"MariaDB makes no tables:\n{done.stderr}")
