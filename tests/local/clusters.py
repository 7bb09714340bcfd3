"""Real PostgreSQL clusters for tests, with a database for two services."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg  # type: ignore[import-untyped]

from roadbike.local.home import Home, passwords
from roadbike.local.jobs import databases
from roadbike.local.servers import AUDIT, binaries, postgres
from roadbike.local.supervisor.keeper import Keeper
from roadbike.local.supervisor.processes import Starter
from tests.ports import free_base

LIMITS = {"stock": 4, "payment": 5}
NAMES = (postgres.SUPERUSER, AUDIT, *LIMITS, *map(postgres.owner_of, LIMITS))
FOUND = {
    name: binaries.postgres(environ, data_major=None)
    for name, environ in {
        "the wheel's": {"PATH": ""},
        "the path's": {"PATH": os.environ["PATH"]},
    }.items()
}

Before = Callable[[int, dict[str, str]], Awaitable[None]]  # of port and passwords


@asynccontextmanager
async def cluster(
    home: Home, found: binaries.Postgres, before: Before | None = None
) -> AsyncIterator[int]:
    """Run a cluster in the block, and give its port. before: runs before the job of databases."""
    port = free_base()
    made = passwords(home, "postgres", NAMES)
    part = postgres.part(home, port, {"ROADBIKE_POSTGRES_BIN": str(found.folder)}, made, LIMITS)
    part = replace(part, finish=None)
    keeper = Keeper(part, home.log("postgres"), Starter(), ready_at_once, lambda: None)
    keeper.start()
    try:
        async with asyncio.timeout(60):
            await keeper.ready.wait()
        if before is not None:
            await before(port, made)
        await asyncio.to_thread(databases.make, port=port, passwords=made, limits=LIMITS)
        yield port
    finally:
        await keeper.stop()


async def ready_at_once() -> None:
    """Nothing is needed."""


async def connected(
    port: int, role: str, database: str, passwords: dict[str, str]
) -> asyncpg.Connection:
    return await asyncpg.connect(
        host="127.0.0.1", port=port, user=role, database=database, password=passwords[role]
    )
