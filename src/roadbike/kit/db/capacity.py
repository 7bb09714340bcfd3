"""Whether the database allows all the connections that the processes of a service may open."""

from collections.abc import Mapping
from typing import Final

import structlog
from sqlalchemy import text

from roadbike.kit.db.bulk import POSTGRESQL
from roadbike.kit.db.database import Database
from roadbike.kit.db.mariadb import MARIADB
from roadbike.kit.pure.rooms import CONNECTIONS_PER_PROCESS

log = structlog.get_logger()

# -1: the role has no limit of its own
ALLOWED: Final = {
    POSTGRESQL: text("""
        SELECT
            current_setting('max_connections')::int
                - current_setting('superuser_reserved_connections')::int AS by_server,
            (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS for_role
    """),
    MARIADB: text("""
        SELECT
            @@global.max_connections AS by_server,
            IF(@@session.max_user_connections = 0, -1, @@session.max_user_connections) AS for_role
    """),
}


async def check_capacity(db: Database, processes: int = 1) -> None:
    """Log the budget of connections: a warning when server or role allow fewer than are needed.

    processes: how many of this service may run. Raises DatabaseUnavailable.
    """
    if db.dialect not in ALLOWED:
        return
    async with db.background.read() as tx:
        row = await tx.row(ALLOWED[db.dialect])
    assert row is not None
    needed = processes * CONNECTIONS_PER_PROCESS
    if _least(row) < needed:
        log.warning(
            "database.too_few_connections",
            needed=needed,
            processes=processes,
            max_connections=row["by_server"],
            of_this_role=row["for_role"],
        )
    else:
        log.info("database.connections", needed=needed, processes=processes, allowed=_least(row))


def _least(row: Mapping[str, int]) -> int:
    return min(limit for limit in row.values() if limit >= 0)
