"""At most one process at a time migrates a database: another one waits until it has ended.

The role that owns a database may open few connections, so a process may have to wait for one first.

On PostgreSQL the lock is an advisory one of the session, so it ends with its process. It is asked
for again and again instead of waited for: who waits for a lock is in a transaction, for whose end
an index that is built concurrently would wait in turn. On MariaDB it is a named lock of the
session. A SQLite database has a file beside it, which is locked.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from roadbike.kit.db.bulk import POSTGRESQL
from roadbike.kit.db.errors import DatabaseUnavailable, is_out_of_connections
from roadbike.kit.db.locks import lock_key, named_lock
from roadbike.kit.db.mariadb import MARIADB
from roadbike.kit.urls import sqlite_file

PATIENCE_SECONDS: Final = 600.0  # a large table gets its index meanwhile
PAUSE_SECONDS: Final = 0.2
KEY: Final = lock_key("migration", "schema")

log = structlog.get_logger()


class MigrationRuns(DatabaseUnavailable):
    """Another process has been migrating the database for longer than PATIENCE_SECONDS."""


@asynccontextmanager
async def connection_in_turn(
    engine: AsyncEngine, patience: float = PATIENCE_SECONDS
) -> AsyncIterator[AsyncConnection]:
    """Connect as soon as the role has a free connection; closed after the block.

    Raises MigrationRuns when it has none within `patience` seconds.
    """
    connection = engine.connect()

    async def is_open() -> bool:
        try:
            await connection.start()
        except Exception as error:
            if is_out_of_connections(error):
                return False
            raise
        return True

    await _wait_until(is_open, patience)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def only_migration(
    connection: AsyncConnection, database_url: str, patience: float = PATIENCE_SECONDS
) -> AsyncIterator[None]:
    """Hold the lock during the block. Raises MigrationRuns when it is not free within `patience`.

    connection: to the database of that URL, outside of a transaction. On PostgreSQL and
    MariaDB it keeps the lock until it is closed.
    """
    if connection.dialect.name in {POSTGRESQL, MARIADB}:
        await _of_session(connection, patience)
        yield
    elif file := sqlite_file(database_url):
        async with _sqlite(Path(f"{file}.migration"), patience):
            yield
    else:
        yield  # it is in the memory of this process


async def _of_session(connection: AsyncConnection, patience: float) -> None:
    is_mariadb = connection.dialect.name == MARIADB
    lock = named_lock(KEY, 0) if is_mariadb else func.pg_try_advisory_lock(KEY)

    async def is_free() -> bool:
        got = await connection.scalar(select(lock))
        await connection.rollback()  # the lock is the session's; who waits is in no transaction
        return bool(got)

    await _wait_until(is_free, patience)


@asynccontextmanager
async def _sqlite(file: Path, patience: float) -> AsyncIterator[None]:
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    async def is_free() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        await _wait_until(is_free, patience)
        yield
    finally:
        os.close(descriptor)


async def _wait_until(is_free: Callable[[], Awaitable[bool]], patience: float) -> None:
    ends_at = time.monotonic() + patience
    has_logged = False
    while not await is_free():
        if time.monotonic() > ends_at:
            raise MigrationRuns(f"another process has been migrating for {patience:g} s")
        if not has_logged:
            log.info("migration.waits_for_another")
            has_logged = True
        await asyncio.sleep(PAUSE_SECONDS)
