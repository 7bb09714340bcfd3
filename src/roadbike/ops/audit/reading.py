"""How the audit reads the databases of an open shop without disturbing it.

Each database is read in one read-only transaction, so that its tables are of one moment. Rows come
in pages. A statement that waits or takes long is ended by the server; it is the audit that fails,
not the shop.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import aiosqlite
from sqlalchemy import Column, NullPool, Select, Uuid, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from roadbike.kit.db import tls
from roadbike.kit.db.engine import is_mariadb
from roadbike.kit.urls import sqlite_file
from roadbike.ops.audit.copies import Copy, Digest
from roadbike.ops.audit.snapshot import Snapshot, digest

PAGE: Final = 1_000  # rows
CONNECT_SECONDS: Final = 5
LIMITS: Final = {
    "application_name": "roadbike-audit",
    "default_transaction_read_only": "on",
    "statement_timeout": "10000",  # ms; of each page
    "lock_timeout": "500",
    "idle_in_transaction_session_timeout": "10000",
}
LIMITS_OF_MARIADB: Final = (
    "SET time_zone = '+00:00', tx_read_only = 1, max_statement_time = 10, "
    "innodb_lock_wait_timeout = 1, idle_transaction_timeout = 10"
)


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[AsyncConnection]:
    """Open a read-only transaction on the database of the URL, whose reads are of one moment.

    Raises SQLAlchemyError and OSError when the database cannot be read.
    """
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                await connection.exec_driver_sql("BEGIN")  # its driver would begin none
            yield connection
    finally:
        await engine.dispose()


async def copy_rows(
    connection: AsyncConnection,
    copies: Sequence[Copy],
    snapshot: Snapshot,
    now: datetime,
    only: tuple[str, Collection[str]] | None = None,
) -> None:
    """Copy what each Copy names.

    only: a kind of key, and the keys whose rows are copied where a table has such keys.
    """
    for copy in copies:
        statement = _select(copy, now)
        if only is not None and (column := copy.keys.get(only[0])) is not None:
            source: Any = copy.columns[column]
            statement = statement.where(source.in_(_typed(source, only[1])))
        result = await connection.stream(statement, execution_options={"yield_per": PAGE})
        async for page in result.partitions():
            snapshot.put(copy.name, [_copied(copy, row) for row in page], len(copy.names))


def _engine(url: str) -> AsyncEngine:
    file = sqlite_file(url)
    if file is not None:
        address = f"{file.absolute().as_uri()}?mode=ro"

        async def connect() -> aiosqlite.Connection:
            return await aiosqlite.connect(address, uri=True, isolation_level=None)

        return create_async_engine(
            "sqlite+aiosqlite://", async_creator=connect, poolclass=NullPool, hide_parameters=True
        )
    given: Mapping[str, Any] = {"timeout": CONNECT_SECONDS, "server_settings": LIMITS}
    if is_mariadb(url):
        given = {"connect_timeout": CONNECT_SECONDS, "init_command": LIMITS_OF_MARIADB}
    bare, encrypted = tls.taken_out(url)
    return create_async_engine(
        bare,
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="REPEATABLE READ",
        connect_args={**given, **encrypted},
    )


def _select(copy: Copy, now: datetime) -> Select[Any]:
    wanted: list[Any] = []
    for column in copy.columns.values():
        wanted += column.columns if isinstance(column, Digest) else [column]
    statement = select(*(each.label(f"c{number}") for number, each in enumerate(wanted)))
    return statement if copy.condition is None else statement.where(copy.condition(now))


def _typed(column: Column[Any], keys: Collection[str]) -> list[Any]:
    """Return the keys, which are texts in the copy, as the column has them."""
    if isinstance(column.type, Uuid):
        return [UUID(key) for key in keys]
    return [column.type.python_type(key) for key in keys]


def _copied(copy: Copy, row: Sequence[Any]) -> Sequence[Any]:
    if copy.decode is not None:
        return copy.decode(row)
    values, rest = [], iter(row)
    for column in copy.columns.values():
        is_digest = isinstance(column, Digest)
        values.append(digest([next(rest) for _ in column.columns]) if is_digest else next(rest))
    return values
