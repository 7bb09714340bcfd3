"""The job that makes databases and their roles, and gives the roles their rights.

It is idempotent: at each start it brings the databases of older versions, whose serving role owned
them, to the same state as new ones.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import asyncpg

from roadbike.local.ports import HOST
from roadbike.local.servers import AUDIT
from roadbike.local.servers.postgres import (
    AUDIT_CONNECTIONS,
    OWNER_CONNECTIONS,
    SUPERUSER,
    owner_of,
)

# The names are those of services and the passwords are URL-safe: neither needs quoting.
MAKE_ROLE: Final = "CREATE ROLE {role} LOGIN PASSWORD '{password}'"
UNLIMITED: Final = -1  # connections
OF_READER: Final = f"""
ALTER ROLE {AUDIT} CONNECTION LIMIT {AUDIT_CONNECTIONS};
ALTER ROLE {AUDIT} SET default_transaction_read_only = on;
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
"""
OF_SERVER: Final = """
ALTER ROLE {name} CONNECTION LIMIT {limit};
ALTER ROLE {owner} CONNECTION LIMIT {owner_limit};
GRANT {name} TO {owner};  -- so that pg_hba.conf lets it use the database
ALTER DATABASE {name} OWNER TO {owner};
REVOKE ALL ON DATABASE {name} FROM PUBLIC, {name};
GRANT CONNECT ON DATABASE {name} TO {name}, {reader};
"""
OF_DATABASE: Final = """
REASSIGN OWNED BY {name} TO {owner};
REVOKE ALL ON SCHEMA public FROM PUBLIC, {name};
GRANT ALL ON SCHEMA public TO {owner};
GRANT USAGE ON SCHEMA public TO {name}, {reader};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT SELECT ON TABLES TO {reader};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name};
DO $$ BEGIN
    IF to_regclass('public.audit_log') IS NOT NULL THEN  -- new ones lose them in their migration
        REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM {name};
    END IF;
END $$;
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO {name};
"""


def make(*, port: int, passwords: Mapping[str, str], limits: Mapping[str, int]) -> None:
    """`passwords`: by role. `limits`: by database, the connections of its serving role."""
    asyncio.run(_make(port, passwords, limits))


async def _make(port: int, passwords: Mapping[str, str], limits: Mapping[str, int]) -> None:
    server = await _connect(port, passwords, "postgres")
    try:
        await _make_role(server, AUDIT, passwords)
        await server.execute(OF_READER)
        for name, limit in limits.items():
            await _make_database(server, name, passwords)
            await server.execute(filled(OF_SERVER, name, limit))
            database = await _connect(port, passwords, name)
            try:
                await database.execute(filled(OF_DATABASE, name, limit))
            finally:
                await database.close()
    finally:
        await server.close()


async def _connect(port: int, passwords: Mapping[str, str], database: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=HOST, port=port, user=SUPERUSER, password=passwords[SUPERUSER], database=database
    )


async def _make_database(
    server: asyncpg.Connection, name: str, passwords: Mapping[str, str]
) -> None:
    for role in (name, owner_of(name)):
        await _make_role(server, role, passwords)
    if not await server.fetch("SELECT 1 FROM pg_database WHERE datname = $1", name):
        await server.execute(f"CREATE DATABASE {name} OWNER {owner_of(name)}")


async def _make_role(server: asyncpg.Connection, role: str, passwords: Mapping[str, str]) -> None:
    if not await server.fetch("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        await server.execute(MAKE_ROLE.format(role=role, password=passwords[role]))


def filled(statements: str, name: str, limit: int) -> str:
    """Return the statements for that database. limit: of the connections of its serving role."""
    return statements.format(
        name=name,
        owner=owner_of(name),
        reader=AUDIT,
        limit=limit,
        owner_limit=OWNER_CONNECTIONS,
    )
