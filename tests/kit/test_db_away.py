"""A database that is away, full or busy has one name, whatever it was that failed."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals
from typing import Any

import pytest
from sqlalchemy import text

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.db.engine import POOL_SIZE
from tests.kit.things import counters, make_tables, raise_counter, value

OpenDatabase = Callable[[str], Database]


@pytest.fixture(scope="module")
def own_server(make_postgres_server: Callable[[], Any]) -> Any:
    return make_postgres_server()


@pytest.fixture
def server(own_server: Any) -> Iterator[Any]:
    """A PostgreSQL that may be stopped; it runs again for the next test."""
    yield own_server
    if not own_server.runs():
        own_server.start()


@pytest.fixture
async def at_server(server: Any, open_database: OpenDatabase) -> Database:
    database = open_database(server.url())
    await make_tables(database)
    return database


async def count_up(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        await raise_counter(tx, "a")

    await db.transact(use_case)


@pytest.mark.parametrize("signal", [SIGINT, SIGKILL])
async def test_a_stopped_database_is_away_and_comes_back(
    at_server: Database, server: Any, signal: Signals
) -> None:
    await count_up(at_server)
    before = await value(at_server, "a")

    server.stop(signal)
    for attempt in (count_up, Database.ready):
        with pytest.raises(DatabaseUnavailable):
            await attempt(at_server)
    server.start()
    await first_that_succeeds(lambda: count_up(at_server))

    assert await value(at_server, "a") == before + 1


@pytest.mark.parametrize("signal", [SIGINT, SIGKILL])
async def test_a_database_that_stops_in_the_middle_is_away(
    at_server: Database, server: Any, signal: Signals
) -> None:
    async def use_case(tx: Tx) -> None:
        await raise_counter(tx, "b")
        await asyncio.to_thread(server.stop, signal)

    with pytest.raises(DatabaseUnavailable):
        await at_server.transact(use_case)

    server.start()
    await first_that_succeeds(at_server.ready)
    assert await value(at_server, "b") == 0


async def test_a_database_that_is_starting_is_away(
    server: Any, open_database: OpenDatabase
) -> None:
    server.stop()
    server.start(wait=False)  # it answers "the database system is starting up", or not at all
    db = open_database(server.url())

    outcomes = [await outcome(db) for _ in range(20)]
    server.wait_until_ready()
    await db.ready()

    assert set(outcomes) <= {"away", "ready"}


async def outcome(db: Database) -> str:
    try:
        await db.ready()
    except DatabaseUnavailable:
        return "away"
    return "ready"


async def test_a_killed_connection_is_away_once(at_server: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with at_server.begin() as tx:
            await tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    await at_server.ready()


async def test_a_pool_that_is_used_up_is_away(at_server: Database) -> None:
    release = asyncio.Event()
    holding = asyncio.Barrier(POOL_SIZE + 1)

    async def hold() -> None:
        async with at_server.begin() as tx:
            await tx.now()
            await holding.wait()
            await release.wait()

    holders = [asyncio.create_task(hold()) for _ in range(POOL_SIZE)]
    await holding.wait()
    with pytest.raises(DatabaseUnavailable):
        await at_server.ready()
    release.set()
    await asyncio.gather(*holders)

    await at_server.ready()


async def test_no_such_port_is_away(open_database: OpenDatabase, unused_tcp_port: int) -> None:
    db = open_database(f"postgresql+asyncpg://nobody@127.0.0.1:{unused_tcp_port}/x")

    with pytest.raises(DatabaseUnavailable):
        await db.ready()


async def test_a_wrong_statement_is_a_mistake_and_not_an_absence(db: Database) -> None:
    with pytest.raises(Exception, match="no_such_table") as caught:
        async with db.begin() as tx:
            await tx.execute(text("SELECT * FROM no_such_table"))

    assert not isinstance(caught.value, DatabaseUnavailable)


@pytest.mark.parametrize("mistake", [FileNotFoundError, ConnectionError, TimeoutError])
async def test_a_mistake_of_a_use_case_is_not_laid_at_the_databases_door(
    db: Database, mistake: type[Exception]
) -> None:
    async def use_case(_tx: Tx) -> None:
        raise mistake

    with pytest.raises(mistake):
        await db.transact(use_case)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_full_disk_is_away_until_there_is_room(db: Database) -> None:
    await count_up(db)
    await limit(db, pages=1)  # SQLite takes the pages that there are

    with pytest.raises(DatabaseUnavailable):
        await fill(db)
    full = await value(db, "a")
    await limit(db, pages=1_000_000)
    await fill(db)

    assert full == 1
    assert await value(db, "a") == 1


async def limit(db: Database, pages: int) -> None:
    """Of the one connection that the pool hands out while nobody else asks."""
    async with db.engine.connect() as connection:
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


async def fill(db: Database) -> None:
    async with db.begin() as tx:
        rows = [{"name": f"n{n}", "value": n, "row_version": 1} for n in range(10_000)]
        await tx.execute(counters.table.insert(), rows)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_database_that_another_process_writes_to_is_away(
    db: Database, database_url: str
) -> None:
    path = Path(database_url.removeprefix("sqlite+aiosqlite:///"))
    await impatient(db)

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable):
            await count_up(db)
        reading = await value(db, "a")
        other.execute("ROLLBACK")
    await count_up(db)

    assert reading == 0
    assert await value(db, "a") == 1


async def impatient(db: Database) -> None:
    async with db.engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA busy_timeout=0")


async def first_that_succeeds(attempt: Callable[[], Awaitable[None]]) -> None:
    """Pooled connections of before the stop may each fail once."""
    for _ in range(POOL_SIZE):
        try:
            return await attempt()
        except DatabaseUnavailable:
            continue
    return await attempt()
