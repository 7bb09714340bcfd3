"""Which code may run on a database: each migration notes the oldest code that still can.

The version of code is the newest migration that it knows. Code runs on a database at its own
version, and on a newer one whose last migration says that this code still can: during an upgrade
the replicas of before go on, and a roll-back of the code needs none of the database. Versions are
four digits, so that they can be compared as text.
"""

from typing import Final

from sqlalchemy import Column, Connection, String, Table, column, delete, inspect, select, table

from roadbike.kit.db.database import Tx, metadata
from roadbike.kit.db.statements import Statement

FIRST: Final = "0001"
ALEMBIC_VERSION: Final = table("alembic_version", column("version_num"))
_REVISION: Final = Statement(lambda _: select(ALEMBIC_VERSION.c.version_num))

SCHEMA_VERSION: Final = Table(
    "schema_version",
    metadata,
    Column("revision", String(32), primary_key=True),
    Column("oldest_code", String(32), nullable=False),
)


class TooNew(Exception):
    """A migration that this code does not know has made the database unusable for it."""


async def reason_against(tx: Tx, version: str) -> str | None:
    """Return why code of that version must not run on the database; None if it may.

    Raises DBAPIError when no migration has run yet.
    """
    revision = await tx.scalar(_REVISION)
    if revision == version:
        return None
    if revision is None or revision < version:
        return f"the database is at {revision}, the code needs {version}: migrate it"
    oldest = await tx.scalar(
        select(SCHEMA_VERSION.c.oldest_code).where(SCHEMA_VERSION.c.revision == revision)
    )
    return _too_new(revision, oldest, version)


def check(connection: Connection, revision: str, version: str) -> None:
    """Raise TooNew when code of that version must not run on the database at that newer revision.

    The connection is Alembic's, which is not asynchronous.
    """
    if reason := _too_new(revision, _oldest_code(connection, revision), version):
        raise TooNew(reason)


def note(connection: Connection, revision: str, before: str, oldest_code: str | None) -> None:
    """Note, in the migration's transaction, which is the oldest code that may run after it.

    before: the revision before. oldest_code: None means the same as before.
    """
    if not inspect(connection).has_table(SCHEMA_VERSION.name):
        return  # the migration that makes the table has not run yet
    oldest = oldest_code or _oldest_code(connection, before) or FIRST
    forget(connection, revision)
    values = {"revision": revision, "oldest_code": oldest}
    connection.execute(SCHEMA_VERSION.insert().values(values))


def forget(connection: Connection, revision: str) -> None:
    """Delete what was noted about a migration that is taken back."""
    if inspect(connection).has_table(SCHEMA_VERSION.name):
        connection.execute(delete(SCHEMA_VERSION).where(SCHEMA_VERSION.c.revision == revision))


def _oldest_code(connection: Connection, revision: str) -> str | None:
    if not inspect(connection).has_table(SCHEMA_VERSION.name):
        return None
    of_revision = SCHEMA_VERSION.c.revision == revision
    found: str | None = connection.scalar(select(SCHEMA_VERSION.c.oldest_code).where(of_revision))
    return found


def _too_new(revision: str, oldest: str | None, version: str) -> str | None:
    if oldest is not None and oldest <= version:
        return None
    needed = "newer code" if oldest is None else f"code of {oldest} or newer"
    return f"the database is at {revision}, which needs {needed}; this is code of {version}"
