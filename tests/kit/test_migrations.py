"""Every service's migrations create the tables of its code and can be downgraded.

What a migration may do while old code runs beside it: tests/kit/test_migration_rules.py.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

import roadbike
from roadbike.kit import audit_log
from roadbike.kit.auth import tokens
from roadbike.kit.db import Database, migrate
from roadbike.kit.process import runtime

KIT: object = (audit_log, tokens, runtime)  # importing these registers all tables of kit

FOLDERS = sorted(path.parent.name for path in Path(roadbike.__file__).parent.glob("*/migrations"))
SERVICES = {"stock", "reservation", "payment", "delivery", "mypage", "account"}


@pytest.fixture(params=FOLDERS)
def package(request: pytest.FixtureRequest) -> str:
    return f"roadbike.{request.param}"


def test_every_service_has_migrations() -> None:
    assert set(FOLDERS) >= SERVICES


def test_a_services_migrations_have_one_base_and_one_head(package: str) -> None:
    folder = Path(roadbike.__file__).parent / package.partition(".")[2] / "migrations"
    script = ScriptDirectory(str(folder))

    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def tables(database_url: str) -> dict[str, list[str]]:
    """Return the columns of each table in the database."""

    def inspect_tables(connection: Connection) -> dict[str, list[str]]:
        inspector = inspect(connection)
        names = inspector.get_table_names()
        return {
            name: sorted(column["name"] for column in inspector.get_columns(name)) for name in names
        }

    async def connect() -> dict[str, list[str]]:
        db = Database(database_url)
        async with db.engine.connect() as connection:
            found = await connection.run_sync(inspect_tables)
        await db.close()
        return found

    return asyncio.run(connect())


def test_migrations_can_be_upgraded_downgraded_and_upgraded_again(
    package: str, empty_database_url: str
) -> None:
    migrate.upgrade(package, empty_database_url)
    first = tables(empty_database_url)
    migrate.upgrade(package, empty_database_url)
    after_second_upgrade = tables(empty_database_url)
    migrate.downgrade(package, empty_database_url, "base")
    after_downgrade = tables(empty_database_url)
    migrate.upgrade(package, empty_database_url)

    assert {"alembic_version", "outbox", "inbox", "parked", "lease", "event_version"} <= set(first)
    assert after_downgrade == {"alembic_version": ["version_num"]}
    assert first == after_second_upgrade == tables(empty_database_url)


async def test_migrations_create_the_tables_of_the_code(
    package: str,
    dialect: str,
    migrated_url: Callable[..., str],
    open_database: Callable[[str], Database],
) -> None:
    db = open_database(migrated_url(package, dialect))
    tables_of_code: Any = migrate.metadata_of(package)

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), tables_of_code))

    async with db.engine.connect() as connection:
        found = await connection.run_sync(differences)

    assert found == []


async def test_tables_of_a_service_and_of_kit_have_different_names(package: str) -> None:
    kit_metadata, own_metadata = migrate.metadata_of(package)

    assert not set(kit_metadata.tables) & set(own_metadata.tables)
