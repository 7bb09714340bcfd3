"""Whether the database lets this process open all the connections that its pools may open."""

from typing import Final

import structlog
from sqlalchemy import text

from roadbike.kit.db.bulk import POSTGRESQL
from roadbike.kit.db.database import Database
from roadbike.kit.pure.rooms import CONNECTIONS_PER_PROCESS

log = structlog.get_logger()

ALLOWED: Final = text("""
    SELECT
        current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int AS by_server,
        (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS for_role
""")


async def check_capacity(db: Database) -> None:
    """Log a warning when server or role allow fewer connections than one process may open.

    With several processes of a service the limits have to be that many times as high.
    Raises DatabaseUnavailable.
    """
    if db.dialect != POSTGRESQL:
        return
    async with db.background.read() as tx:
        row = await tx.row(ALLOWED)
    assert row is not None
    limits = [limit for limit in row.values() if limit >= 0]  # -1: the role has none
    if min(limits) < CONNECTIONS_PER_PROCESS:
        log.warning(
            "database.too_few_connections",
            needed=CONNECTIONS_PER_PROCESS,
            max_connections=row["by_server"],
            of_this_role=row["for_role"],
        )
