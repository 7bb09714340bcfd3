"""Every service's migrations make what its code knows, on every database, and can be taken back."""

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
from roadbike.kit import auth
from roadbike.kit.db import Database, migrate
from roadbike.kit.process import runtime

KIT: object = (auth, runtime)  # with these all tables of kit are known

FOLDERS = sorted(path.parent.name for path in Path(roadbike.__file__).parent.glob("*/migrations"))
KNOWN = {"stock", "reservation", "payment", "delivery", "mypage", "account"}


@pytest.fixture(params=FOLDERS)
def package(request: pytest.FixtureRequest) -> str:
    return f"roadbike.{request.param}"


def test_every_service_has_migrations() -> None:
    assert set(FOLDERS) >= KNOWN


def test_a_services_migrations_are_one_line_of_steps(package: str) -> None:
    folder = Path(roadbike.__file__).parent / package.partition(".")[2] / "migrations"
    script = ScriptDirectory(str(folder))

    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def tables(database_url: str) -> dict[str, list[str]]:
    """The columns of each table that there is."""

    def look(connection: Connection) -> dict[str, list[str]]:
        seen = inspect(connection)
        names = seen.get_table_names()
        return {name: sorted(each["name"] for each in seen.get_columns(name)) for name in names}

    async def ask() -> dict[str, list[str]]:
        db = Database(database_url)
        async with db.engine.connect() as connection:
            found = await connection.run_sync(look)
        await db.close()
        return found

    return asyncio.run(ask())


def test_migrations_go_up_and_down_and_up_again(package: str, database_url: str) -> None:
    migrate.upgrade(package, database_url)
    first = tables(database_url)
    migrate.upgrade(package, database_url)
    twice = tables(database_url)
    migrate.downgrade(package, database_url, "base")
    left = tables(database_url)
    migrate.upgrade(package, database_url)

    assert {"alembic_version", "outbox", "inbox", "parked", "lease", "event_version"} <= set(first)
    assert left == {"alembic_version": ["version_num"]}
    assert first == twice == tables(database_url)


async def test_migrations_make_what_the_code_knows(
    package: str,
    dialect: str,
    migrated_url: Callable[..., str],
    open_database: Callable[[str], Database],
) -> None:
    db = open_database(migrated_url(package, dialect))
    known: Any = migrate.metadata_of(package)

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), known))

    async with db.engine.connect() as connection:
        found = await connection.run_sync(differences)

    assert found == []


async def test_no_table_of_a_service_bears_the_name_of_one_of_kits(package: str) -> None:
    kits, own = migrate.metadata_of(package)

    assert not set(kits.tables) & set(own.tables)
