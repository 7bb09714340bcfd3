"""Schema migrations of one service's database (Alembic).

They run while the replicas of before are still at work: see kit/db/compatibility.py. On PostgreSQL
and MariaDB a change of a table waits for its lock for LOCK_TIMEOUT_MS at most, because all others
wait behind it meanwhile; then it is tried again. Of several processes that migrate one database,
each waits for the one before (`migration_lock`) and then finds nothing to do.
"""

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from roadbike.kit.db import compatibility, mariadb_ddl, tls
from roadbike.kit.db import metadata as kit_metadata
from roadbike.kit.db.engine import is_mariadb
from roadbike.kit.db.errors import is_lock_timeout
from roadbike.kit.db.migration_lock import connection_in_turn, only_migration

LOCK_TIMEOUT_MS: Final = 1_000
LOCK_PAUSE_SECONDS: Final = 1.0  # in which those go on that have waited behind the migration
LOCK_ATTEMPTS: Final = 30

log = structlog.get_logger()


def upgrade(package: str, database_url: str, revision: str = "head") -> None:
    """Upgrade the database to the revision.

    A database that newer code has brought further already is left as it is.
    package: of the service, e.g. `roadbike.stock`; its migrations are in `<package>.migrations`.
    Raises TooNew when this code must not run on it, MigrationRuns when another migration does not
    end, RuntimeError inside a running event loop: use `upgrade_async` there.
    """
    asyncio.run(_run(database_url, lambda config: _upgrade(config, revision), package))


def downgrade(package: str, database_url: str, revision: str) -> None:
    """Downgrade the database to the revision; `base` drops all tables. See `upgrade`."""
    asyncio.run(_run(database_url, lambda config: command.downgrade(config, revision), package))


async def upgrade_async(package: str, database_url: str, migrations: str | None = None) -> None:
    """Upgrade to the newest revision from inside a running event loop.

    migrations: their folder, if it is not that of the package.
    """
    await _run(database_url, lambda config: _upgrade(config, "head"), package, migrations)


def config_of(package: str, connection: Connection) -> Config:
    """Return Alembic's configuration for the service, which env.py takes the connection from."""
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata_of(package)
    return config


def metadata_of(package: str) -> list[MetaData]:
    """Return the tables as the code defines them: kit's and the service's own."""
    return [kit_metadata, import_module(f"{package}.store").metadata]


def run_env(config: Config, context: Any) -> None:
    """Run the migrations; every service's migrations/env.py calls this."""
    context.configure(
        connection=config.attributes["connection"],
        target_metadata=config.attributes["metadata"],
        transaction_per_migration=True,
        on_version_apply=_note_version,
    )
    with context.begin_transaction():
        context.run_migrations()


def _note_version(ctx: MigrationContext, step: Any, **_: Any) -> None:
    """Note the oldest code that may run after the migration, in its transaction.

    A migration names it in `oldest_code`; without that, it is the same as before.
    """
    connection = ctx.connection
    assert connection is not None
    if step.is_upgrade:
        before = next(iter(step.down_revision_ids), "")
        oldest = getattr(step.up_revision.module, "oldest_code", None)
        compatibility.note(connection, step.up_revision_id, before, oldest)
    else:
        compatibility.forget(connection, step.up_revision_id)


def _upgrade(config: Config, revision: str) -> None:
    connection = config.attributes["connection"]
    head = ScriptDirectory.from_config(config).get_current_head()
    current = MigrationContext.configure(connection).get_current_revision()
    if head and current and current > head:
        compatibility.check(connection, current, head)
        log.warning("database.newer", at=current, code=head)
        return
    connection.rollback()  # Alembic begins a transaction for each migration
    command.upgrade(config, revision)


async def _run(
    database_url: str,
    do: Callable[[Config], None],
    package: str,
    migrations: str | None = None,
) -> None:
    import_module(f"{package}.store")  # its imports register kit's tables, too
    engine = _engine(database_url)

    def run(connection: Connection) -> None:
        config = config_of(package, connection)
        if migrations is not None:
            config.set_main_option("script_location", migrations)
        do(config)

    try:
        async with (
            connection_in_turn(engine) as connection,
            only_migration(connection, database_url),
        ):
            await _until_locked(connection, run)
    finally:
        await engine.dispose()


def _engine(database_url: str) -> AsyncEngine:
    if is_mariadb(database_url):
        return mariadb_ddl.engine(database_url, LOCK_TIMEOUT_MS // 1000)
    if not database_url.startswith("postgresql"):
        return create_async_engine(database_url)
    url, encrypted = tls.taken_out(database_url)
    timeout = {"lock_timeout": str(LOCK_TIMEOUT_MS)}
    return create_async_engine(url, connect_args={"server_settings": timeout, **encrypted})


async def _until_locked(connection: AsyncConnection, run: Callable[[Connection], None]) -> None:
    """Run the migrations; begin again with the first unfinished one when it gets no lock in time.

    Raises DBAPIError after LOCK_ATTEMPTS.
    """
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            await connection.run_sync(run)
            await connection.commit()
        except DBAPIError as error:
            if attempt == LOCK_ATTEMPTS or not is_lock_timeout(error):
                raise
            log.warning("migration.waits_for_lock", attempt=attempt)
            await connection.rollback()
            await asyncio.sleep(LOCK_PAUSE_SECONDS)
        else:
            return
