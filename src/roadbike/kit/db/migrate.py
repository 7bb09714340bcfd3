"""The schema of one service's database, step by step (Alembic)."""

import asyncio
from importlib import import_module
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from roadbike.kit.db import metadata as kit_metadata


def upgrade(package: str, database_url: str, revision: str = "head") -> None:
    """Bring the database of `roadbike.<service>` up to the revision. Not inside a running loop."""
    asyncio.run(_run(database_url, lambda config: command.upgrade(config, revision), package))


def downgrade(package: str, database_url: str, revision: str) -> None:
    """Take the database back to the revision; `base` empties it."""
    asyncio.run(_run(database_url, lambda config: command.downgrade(config, revision), package))


async def migrated(package: str, database_url: str) -> None:
    """The same as upgrade, from inside a running loop."""
    await _run(database_url, lambda config: command.upgrade(config, "head"), package)


def config_of(package: str, connection: Connection) -> Config:
    """Alembic's configuration for one service; its env.py takes the connection from it."""
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata_of(package)
    return config


def metadata_of(package: str) -> list[MetaData]:
    """The tables as the code knows them: kit's and the service's own."""
    return [kit_metadata, import_module(f"{package}.store").metadata]


def run_env(config: Config, context: Any) -> None:
    """What every service's migrations/env.py does."""
    context.configure(
        connection=config.attributes["connection"],
        target_metadata=config.attributes["metadata"],
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run(database_url: str, do: Any, package: str) -> None:
    import_module(f"{package}.store")  # kit's tables register with it
    engine = create_async_engine(database_url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(lambda sync: do(config_of(package, sync)))
            await connection.commit()
    finally:
        await engine.dispose()
