"""A process says when the database allows fewer connections than it may open."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from roadbike.kit.db import Database
from roadbike.kit.db.capacity import check_capacity
from roadbike.kit.pure.rooms import CONNECTIONS_PER_PROCESS

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

    assert lines == []


async def test_sqlite_has_no_limit(open_database: Callable[[str], Database]) -> None:
    with capture_logs() as lines:
        await check_capacity(open_database("sqlite+aiosqlite://"))

    assert lines == []
