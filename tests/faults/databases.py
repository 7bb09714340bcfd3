"""A PostgreSQL server for one fault script, with a migrated database."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from sqlalchemy import text

from roadbike.kit.db import Database, migrate
from tests.postgres import PostgresServer


@asynccontextmanager
async def new_database(package: str) -> AsyncIterator[str]:
    """Start a PostgreSQL and migrate one database for `roadbike.<service>`; yield its URL."""
    silence_logs()
    server = PostgresServer()
    try:
        await asyncio.to_thread(server.start)
        await server.execute("CREATE DATABASE shop")
        await migrate.upgrade_async(package, server.url("shop"))
        yield server.url("shop")
    finally:
        await asyncio.to_thread(server.remove)


@asynccontextmanager
async def another_database(url: str, package: str) -> AsyncIterator[str]:
    """Migrate a second database, on the server of the first; yield its URL."""
    db = Database(url)
    async with db.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("CREATE DATABASE another"))
    await db.close()
    another = url.rsplit("/", 1)[0] + "/another"
    await migrate.upgrade_async(package, another)
    yield another


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """Open kit's Database at the URL; close it at the end of the block."""
    db = Database(url)
    try:
        yield db
    finally:
        await db.close()


async def execute(db: Database, statement: str) -> None:
    """Run one SQL statement, however long it takes."""
    url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


def silence_logs() -> None:
    """Keep the log lines of kit out of the script's output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
