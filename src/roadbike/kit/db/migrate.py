"""Schema migrations of one service's database (Alembic)."""

import asyncio
from importlib import import_module
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from roadbike.kit.db import metadata as kit_metadata


def upgrade(package: str, database_url: str, revision: str = "head") -> None:
    """Upgrade the database to the revision.

    package: of the service, e.g. `roadbike.stock`; its migrations are in `<package>.migrations`.
    Raises RuntimeError inside a running event loop: use `upgrade_async` there.
    """
    asyncio.run(_run(database_url, lambda config: command.upgrade(config, revision), package))


def downgrade(package: str, database_url: str, revision: str) -> None:
    """Downgrade the database to the revision; `base` drops all tables. See `upgrade`."""
    asyncio.run(_run(database_url, lambda config: command.downgrade(config, revision), package))


async def upgrade_async(package: str, database_url: str) -> None:
    """Upgrade to the newest revision from inside a running event loop."""
    await _run(database_url, lambda config: command.upgrade(config, "head"), package)


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
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run(database_url: str, do: Any, package: str) -> None:
    import_module(f"{package}.store")  # its imports register kit's tables, too
    engine = create_async_engine(database_url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(lambda sync: do(config_of(package, sync)))
            await connection.commit()
    finally:
        await engine.dispose()
