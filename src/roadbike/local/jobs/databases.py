"""The job that makes the databases and roles that do not exist yet."""

import asyncio
from collections.abc import Mapping

import asyncpg

from roadbike.local.ports import HOST
from roadbike.local.servers.postgres import SUPERUSER


def make(*, port: int, passwords: Mapping[str, str]) -> None:
    """`passwords` has one for each database, which is also the name of its role."""
    asyncio.run(_make(port, passwords))


async def _make(port: int, passwords: Mapping[str, str]) -> None:
    connection = await asyncpg.connect(
        host=HOST, port=port, user=SUPERUSER, password=passwords[SUPERUSER], database="postgres"
    )
    try:
        existing = {row[0] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for name, password in passwords.items():
            if name not in existing and name != SUPERUSER:
                await _make_database(connection, name, password)
    finally:
        await connection.close()


async def _make_database(connection: asyncpg.Connection, name: str, password: str) -> None:
    """The name is a service's and the password is URL-safe: neither needs quoting."""
    if not await connection.fetch("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    await connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
