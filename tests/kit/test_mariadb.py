"""What is different on MariaDB: its errors, its INSERT IGNORE, the limits of its sessions."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError

from roadbike.kit.db import Database, DatabaseUnavailable, RowLocked, StaleRow, Tx, claims
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.ids import new_id
from roadbike.kit.db.locks import lock_names
from roadbike.kit.db.mariadb import TABLE_OPTIONS
from roadbike.kit.db.mariadb_ddl import as_sent
from roadbike.kit.db.statements import Statement
from tests.kit.counters import Counter, counters
from tests.kit.counters import metadata as counter_tables
from tests.mariadb import MariaDBServer

metadata = MetaData()
THINGS = Table(
    "things",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(5), unique=True),
    Column("number", Integer, nullable=False),
    CheckConstraint("number < 100", name="small"),
)


@pytest.fixture
async def maria(
    open_database: Callable[[str], Database], new_database: Callable[..., str]
) -> Database:
    db = open_database(new_database("mariadb"))
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.run_sync(counter_tables.create_all)
    return db


def thing(**values: Any) -> dict[str, Any]:
    return {"id": new_id(), "name": None, "number": 1} | values


async def numbers(db: Database) -> list[int]:
    async with db.read() as tx:
        rows = await tx.rows(select(THINGS.c.number).order_by(THINGS.c.number))
        return [row["number"] for row in rows]


@pytest.mark.parametrize(
    "wrong",
    [{"name": "too long"}, {"number": 100}, {"name": "taken"}],
    ids=["a text that is cut", "a check that fails", "another key that is taken"],
)
async def test_only_rows_that_exist_are_left_out(maria: Database, wrong: dict[str, Any]) -> None:
    first = thing(name="taken")
    async with maria.begin() as tx:
        assert await insert_new(tx, THINGS, [first]) == {first["id"]}

    with pytest.raises(DBAPIError):
        async with maria.begin() as tx:
            await insert_new(tx, THINGS, [first, thing(number=7), thing(**wrong)])

    assert await numbers(maria) == [1]


async def test_a_deadlock_undoes_the_transaction_and_runs_it_again(maria: Database) -> None:
    a, b = thing(number=1), thing(number=2)
    async with maria.begin() as tx:
        await insert_new(tx, THINGS, [a, b])
    runs: list[str] = []
    both = asyncio.Barrier(2)

    async def add(first: dict[str, Any], second: dict[str, Any], name: str) -> None:
        async def use_case(tx: Any) -> None:
            runs.append(name)
            for each in (first, second):
                one = update(THINGS).where(THINGS.c.id == each["id"])
                await tx.execute(one.values(number=THINGS.c.number + 10))
                if each is first and runs.count(name) == 1:
                    await both.wait()

        await maria.transact(use_case)

    await asyncio.gather(add(a, b, "forth"), add(b, a, "back"))

    assert len(runs) >= 3
    assert await numbers(maria) == [21, 22]


async def test_after_an_error_nothing_is_committed_alone(maria: Database) -> None:
    kept = thing()

    async def use_case(tx: Tx) -> None:
        await tx.execute(insert(THINGS).values(**kept))
        with pytest.raises(IntegrityError):
            await tx.execute(insert(THINGS).values(**kept))
        await insert_new(tx, THINGS, [thing()])

    with pytest.raises(InternalError, match="has failed before"):
        await maria.transact(use_case)

    assert await numbers(maria) == []


async def test_a_save_that_came_first_is_not_overwritten(maria: Database) -> None:
    """As an upsert it would be, silently: ON DUPLICATE KEY UPDATE knows no condition."""
    async with maria.begin() as tx:
        counters.save(tx, Counter(name="a", value=1))
    async with maria.begin() as tx:
        counters.save(tx, Counter(name="a", value=2, row_version=1))

    for row_version in (0, 1):
        with pytest.raises(StaleRow):
            async with maria.begin() as tx:
                counters.save(tx, Counter(name="a", value=9, row_version=row_version))

    async with maria.read() as tx:
        assert await counters.get(tx, "a") == Counter(name="a", value=2, row_version=2)


async def test_a_locked_row_is_waited_for_briefly(maria: Database) -> None:
    one = thing()
    async with maria.begin() as tx:
        await insert_new(tx, THINGS, [one])
    found = select(THINGS).where(THINGS.c.id == one["id"]).with_for_update()

    async def lock(tx: Tx) -> None:
        await tx.row(found)

    async def lock_without_waiting(tx: Tx) -> None:
        await claims.wait_briefly(tx)
        await tx.row(found)

    async with maria.begin() as holder:
        await lock(holder)
        with pytest.raises(RowLocked):
            await maria.transact(lock)
        with pytest.raises(RowLocked):
            await maria.background.transact(lock_without_waiting)

    async with maria.background.begin() as tx:  # the connection waits again
        assert await tx.scalar(text("SELECT @@innodb_lock_wait_timeout")) == 1


async def test_a_name_is_given_back_at_the_end(maria: Database) -> None:
    async with maria.begin() as holder:
        await lock_names(holder, "kind", ["a", "b"])
        with pytest.raises(RowLocked):
            async with maria.begin() as tx:
                await lock_names(tx, "kind", ["b"])

    async with maria.begin() as tx:
        await lock_names(tx, "kind", ["a", "b"])


async def test_the_server_ends_a_transaction_that_hangs(maria: Database) -> None:
    async def hang(tx: Tx) -> None:
        await insert_new(tx, THINGS, [thing()])
        mine = await tx.scalar(text("SELECT CONNECTION_ID()"))
        open_ones = text("SELECT id FROM information_schema.processlist WHERE id = :mine")
        open_ones = open_ones.bindparams(mine=mine)
        while True:  # until the server has ended it
            async with maria.read() as others:
                if not await others.rows(open_ones):
                    break
            await asyncio.sleep(0.1)
        await tx.execute(select(1))

    with pytest.raises(DatabaseUnavailable):
        await maria.transact(hang)

    assert await numbers(maria) == []


async def test_a_call_that_was_cancelled_leaves_no_answer_behind(maria: Database) -> None:
    async def sleep() -> None:
        async with maria.read() as tx:
            await tx.rows(text("SELECT SLEEP(0.3)"))

    for _ in range(3):
        task = asyncio.create_task(sleep())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async with maria.read() as tx:
        assert await tx.scalar(select(7)) == 7


async def test_a_statement_that_takes_too_long_is_ended(maria: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with maria.read() as tx:
            await tx.rows(text("SELECT SLEEP(3)"))


async def test_an_error_shows_no_values(maria: Database) -> None:
    missing = Table("missing", MetaData(), Column("name", String(50), primary_key=True))
    by_name = Statement(lambda _: select(missing).where(missing.c.name == bindparam("name")))

    with pytest.raises(DBAPIError) as raised:
        async with maria.read() as tx:
            await tx.rows(by_name, {"name": "Hong Gil-dong"})

    assert "missing" in str(raised.value)
    assert "Hong" not in str(raised.value)


async def test_a_server_that_does_not_answer_is_unavailable(
    open_database: Callable[[str], Database], mariadb_server: MariaDBServer
) -> None:
    url = mariadb_server.url("nowhere").replace(f":{mariadb_server.port}/", ":1/")

    with pytest.raises(DatabaseUnavailable):
        await open_database(url).ready()


async def test_the_user_that_serves_changes_rows_but_no_table_and_no_audit_log(
    open_database: Callable[[str], Database],
    migrated_url: Callable[..., str],
    mariadb_server: MariaDBServer,
) -> None:
    name = migrated_url("roadbike.delivery", "mariadb").rpartition("/")[2]
    await mariadb_server.execute(
        "CREATE USER serving IDENTIFIED BY 'x'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO serving",
        "INSERT INTO audit_log (at, actor, kind, thing, action, old_values, new_values) "
        "VALUES (NOW(6), 'boss', 'bike', '1', 'edit', '{}', '{}')",
        database=name,
    )
    db = open_database(mariadb_server.url(name, "serving", "x"))

    async def run(statement: str) -> None:
        async with db.begin() as tx:
            await tx.execute(text(statement))

    await run("UPDATE delivery SET carrier = 'x'")
    for refused in ("DROP TABLE delivery", "TRUNCATE delivery", "ALTER TABLE delivery ADD x INT"):
        with pytest.raises(DBAPIError, match="command denied"):
            await run(refused)
    for refused in ("UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(DBAPIError, match="only added to"):
            await run(refused)
    await mariadb_server.execute("DROP USER serving")


@pytest.mark.parametrize(
    ("alembic", "sent"),
    [
        (
            "ALTER TABLE bike ADD COLUMN x INTEGER",
            "ALTER TABLE bike ADD COLUMN IF NOT EXISTS x INTEGER, ALGORITHM=NOCOPY, LOCK=NONE",
        ),
        (
            "CREATE UNIQUE INDEX i ON bike (x)",
            "CREATE UNIQUE INDEX IF NOT EXISTS i ON bike (x) ALGORITHM=NOCOPY LOCK=NONE",
        ),
        (
            "\nCREATE TABLE t (\n\tx INTEGER\n)\n\n",
            f"CREATE TABLE IF NOT EXISTS t (\n\tx INTEGER\n) {TABLE_OPTIONS}",
        ),
        ("DROP INDEX i ON bike", "DROP INDEX IF EXISTS i ON bike"),
        ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)"),
    ],
)
def test_a_change_of_the_schema_can_be_sent_again_and_blocks_nobody(
    alembic: str, sent: str
) -> None:
    assert as_sent(alembic) == sent
