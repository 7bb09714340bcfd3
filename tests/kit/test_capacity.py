"""A process says when the database allows fewer connections than it may open."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from roadbike.kit.db import Database
from roadbike.kit.db.capacity import check_capacity
from roadbike.kit.pure.rooms import CONNECTIONS_PER_PROCESS
from tests.mariadb import MariaDBServer

ROLE = "capacity"
Opened = Callable[[int], Awaitable[Database]]


@pytest.fixture
async def limited(
    open_database: Callable[[str], Database], postgres_url: str
) -> AsyncIterator[Opened]:
    """Return a function that opens the database as a role with that limit of connections."""
    admin = open_database(postgres_url)
    async with admin.begin() as tx:
        await tx.execute(text(f"CREATE ROLE {ROLE} LOGIN"))

    async def opened(limit: int) -> Database:
        async with admin.begin() as tx:
            await tx.execute(text(f"ALTER ROLE {ROLE} CONNECTION LIMIT {limit}"))
        return open_database(postgres_url.replace("//postgres@", f"//{ROLE}@"))

    yield opened
    async with admin.begin() as tx:
        await tx.execute(text(f"DROP ROLE {ROLE}"))


@pytest.mark.parametrize("limit", [2, CONNECTIONS_PER_PROCESS - 1])
async def test_a_limit_that_is_too_low_is_one_line(limited: Opened, limit: int) -> None:
    database = await limited(limit)

    with capture_logs() as lines:
        await check_capacity(database)

    (line,) = lines
    assert (line["event"], line["log_level"]) == ("database.too_few_connections", "warning")
    assert (line["needed"], line["of_this_role"]) == (CONNECTIONS_PER_PROCESS, limit)


@pytest.mark.parametrize("limit", [-1, CONNECTIONS_PER_PROCESS])
async def test_a_limit_that_is_high_enough_is_no_line(limited: Opened, limit: int) -> None:
    database = await limited(limit)

    with capture_logs() as lines:
        await check_capacity(database)

    (line,) = lines
    assert (line["event"], line["log_level"]) == ("database.connections", "info")


async def test_every_process_of_the_service_counts(limited: Opened) -> None:
    database = await limited(2 * CONNECTIONS_PER_PROCESS)

    with capture_logs() as lines:
        await check_capacity(database, 2)
        await check_capacity(database, 3)

    assert [line["event"] for line in lines] == [
        "database.connections",
        "database.too_few_connections",
    ]
    assert lines[-1]["needed"] == 3 * CONNECTIONS_PER_PROCESS


async def test_mariadb_counts_the_limit_of_the_user(
    open_database: Callable[[str], Database],
    new_database: Callable[..., str],
    mariadb_server: MariaDBServer,
) -> None:
    url = new_database("mariadb")
    name = url.rpartition("/")[2]
    few = "WITH MAX_USER_CONNECTIONS 11"
    await mariadb_server.execute(
        f"CREATE USER capacity IDENTIFIED BY 'x' {few}", f"GRANT SELECT ON {name}.* TO capacity"
    )

    with capture_logs() as lines:
        await check_capacity(open_database(mariadb_server.url(name, "capacity", "x")))

    await mariadb_server.execute("DROP USER capacity")
    (line,) = lines
    assert line["event"] == "database.too_few_connections"
    assert (line["of_this_role"], line["max_connections"]) == (11, 200)


async def test_sqlite_has_no_limit(open_database: Callable[[str], Database]) -> None:
    with capture_logs() as lines:
        await check_capacity(open_database("sqlite+aiosqlite://"))

    assert lines == []
