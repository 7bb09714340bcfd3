"""Two processes that migrate one database: one does it, the other waits and finds nothing to do."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import inspect, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from structlog.testing import capture_logs

from roadbike.kit.db import migrate
from roadbike.kit.db.migration_lock import MigrationRuns, only_migration
from tests.postgres import PostgresServer

PACKAGE = "roadbike.payment"  # it builds indexes concurrently
AT_ONCE = 2
MANY = 5  # the role that owns a database may open two connections
ROADBIKE = Path(sys.executable).parent / "roadbike"


def start_migrating(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROADBIKE), "migrate", "payment"]
    environ = os.environ | {"ROADBIKE_DATABASE_URL": url}
    return subprocess.Popen(  # noqa: S603  our own command
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_processes_that_migrate_at_once_both_succeed(empty_database_url: str) -> None:
    processes = [start_migrating(empty_database_url) for _ in range(AT_ONCE)]

    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, out


async def test_those_wait_for_which_the_role_has_no_connection(
    postgres_server: PostgresServer, new_database: Callable[..., str]
) -> None:
    url = make_url(new_database("postgresql"))
    owner = f"{url.database}_owner"
    await postgres_server.execute(f"CREATE ROLE {owner} LOGIN CONNECTION LIMIT {AT_ONCE}")
    await postgres_server.execute(f"ALTER DATABASE {url.database} OWNER TO {owner}")
    theirs = url.set(username=owner).render_as_string(hide_password=False)

    processes = [start_migrating(theirs) for _ in range(MANY)]

    for process in processes:
        out, _ = await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == 0, out


async def tables(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return await connection.run_sync(lambda plain: inspect(plain).get_table_names())


async def test_a_migration_waits_for_the_one_before(
    empty_database_url: str,
) -> None:
    first = create_async_engine(empty_database_url)

    async with first.connect() as connection, only_migration(connection, empty_database_url):
        with capture_logs() as logs:
            second = asyncio.create_task(migrate.upgrade_async(PACKAGE, empty_database_url))
            async with asyncio.timeout(30):
                while not logs:  # noqa: ASYNC110 the change is in a log
                    await asyncio.sleep(0.02)
        assert [line["event"] for line in logs] == ["migration.waits_for_another"]
        assert not second.done()
        assert await tables(first) == []
    await first.dispose()
    await second

    made = create_async_engine(empty_database_url)
    assert "payment" in await tables(made)
    await made.dispose()


async def test_a_migration_that_never_ends_is_waited_for_no_longer_than_that(
    empty_database_url: str,
) -> None:
    first, second = create_async_engine(empty_database_url), create_async_engine(empty_database_url)

    async with (
        first.connect() as one,
        second.connect() as other,
        only_migration(one, empty_database_url),
    ):
        with pytest.raises(MigrationRuns):
            async with only_migration(other, empty_database_url, patience=0.5):
                pass
    await first.dispose()
    await second.dispose()
