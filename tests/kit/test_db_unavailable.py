"""DatabaseUnavailable: the database is stopped, starting, full, busy or not reachable."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals
from typing import Any

import pytest
from sqlalchemy import text

from roadbike.kit.db import Database, DatabaseBusy, DatabaseUnavailable, Tx
from roadbike.kit.pure.rooms import READS, WRITES
from tests.kit.counters import counters, increment, make_tables, value

OpenDatabase = Callable[[str], Database]


@pytest.fixture(scope="module")
def own_server(make_postgres_server: Callable[[], Any]) -> Any:
    return make_postgres_server()


@pytest.fixture
def server(own_server: Any) -> Iterator[Any]:
    """A PostgreSQL server that a test may stop; it is started again afterwards."""
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
        await increment(tx, "a")

    await db.transact(use_case)


@pytest.mark.parametrize("signal", [SIGINT, SIGKILL])
async def test_a_stopped_database_is_unavailable_until_it_is_started(
    at_server: Database, server: Any, signal: Signals
) -> None:
    await count_up(at_server)
    before = await value(at_server, "a")

    server.stop(signal)
    for attempt in (count_up, Database.ready):
        with pytest.raises(DatabaseUnavailable):
            await attempt(at_server)
    server.start()
    await retry_until_success(lambda: count_up(at_server))

    assert await value(at_server, "a") == before + 1


@pytest.mark.parametrize("signal", [SIGINT, SIGKILL])
async def test_a_database_that_stops_during_a_transaction_is_unavailable(
    at_server: Database, server: Any, signal: Signals
) -> None:
    async def use_case(tx: Tx) -> None:
        await increment(tx, "b")
        await asyncio.to_thread(server.stop, signal)

    with pytest.raises(DatabaseUnavailable):
        await at_server.transact(use_case)

    server.start()
    await retry_until_success(at_server.ready)
    assert await value(at_server, "b") == 0


async def test_a_starting_database_is_unavailable(server: Any, open_database: OpenDatabase) -> None:
    server.stop()
    server.start(wait=False)  # replies "the database system is starting up" or does not reply
    db = open_database(server.url())

    outcomes = [await availability(db) for _ in range(20)]
    server.wait_until_ready()
    await db.ready()

    assert set(outcomes) <= {"unavailable", "ready"}


async def availability(db: Database) -> str:
    try:
        await db.ready()
    except DatabaseUnavailable:
        return "unavailable"
    return "ready"


async def test_a_killed_connection_is_unavailable_once(at_server: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with at_server.begin() as tx:
            await tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    await at_server.ready()


async def test_readers_that_use_all_their_connections_leave_those_of_writes_and_of_background(
    at_server: Database,
) -> None:
    release = asyncio.Event()
    holding = asyncio.Barrier(READS.connections + 1)

    async def hold() -> None:
        async with at_server.read() as tx:
            await tx.now()
            await holding.wait()
            await release.wait()

    holders = [asyncio.create_task(hold()) for _ in range(READS.connections)]
    await holding.wait()
    with pytest.raises(DatabaseBusy):
        await at_server.ready()
    await count_up(at_server)
    await at_server.background.ready()
    async with at_server.read(for_write=True) as tx:
        await tx.now()
    release.set()
    await asyncio.gather(*holders)

    await at_server.ready()


async def test_a_port_without_a_server_is_unavailable(
    open_database: OpenDatabase, unused_tcp_port: int
) -> None:
    db = open_database(f"postgresql+asyncpg://nobody@127.0.0.1:{unused_tcp_port}/x")

    with pytest.raises(DatabaseUnavailable):
        await db.ready()


async def test_a_wrong_statement_does_not_count_as_unavailable(db: Database) -> None:
    with pytest.raises(Exception, match="no_such_table") as caught:
        async with db.begin() as tx:
            await tx.execute(text("SELECT * FROM no_such_table"))

    assert not isinstance(caught.value, DatabaseUnavailable)


@pytest.mark.parametrize("error", [FileNotFoundError, ConnectionError, TimeoutError])
async def test_an_error_of_a_use_case_is_not_translated(
    db: Database, error: type[Exception]
) -> None:
    async def use_case(_tx: Tx) -> None:
        raise error

    with pytest.raises(error):
        await db.transact(use_case)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_full_disk_is_unavailable_until_there_is_room(db: Database) -> None:
    await count_up(db)
    await limit_pages(db, pages=1)  # SQLite raises it to the number of existing pages

    with pytest.raises(DatabaseUnavailable):
        await fill(db)
    value_while_full = await value(db, "a")
    await limit_pages(db, pages=1_000_000)
    await fill(db)

    assert value_while_full == 1
    assert await value(db, "a") == 1


async def limit_pages(db: Database, pages: int) -> None:
    """Set the limit of the pool's only connection in use."""
    async with db.begin() as tx:
        await tx.execute(text(f"PRAGMA max_page_count={pages}"))


async def fill(db: Database) -> None:
    async with db.begin() as tx:
        rows = [{"name": f"n{n}", "value": n, "row_version": 1} for n in range(10_000)]
        await tx.execute(counters.table.insert(), rows)


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_a_database_locked_by_another_process_is_unavailable(
    db: Database, database_url: str
) -> None:
    path = Path(database_url.removeprefix("sqlite+aiosqlite:///"))
    await disable_waiting_for_locks(db)

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable):
            await count_up(db)
        value_while_locked = await value(db, "a")
        other.execute("ROLLBACK")
    await count_up(db)

    assert value_while_locked == 0
    assert await value(db, "a") == 1


async def disable_waiting_for_locks(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(text("PRAGMA busy_timeout=0"))


async def retry_until_success(attempt: Callable[[], Awaitable[None]]) -> None:
    """Retry: each pooled connection from before the stop may fail once."""
    for _ in range(WRITES.connections):
        try:
            return await attempt()
        except DatabaseUnavailable:
            continue
    return await attempt()
