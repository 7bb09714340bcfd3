"""The roles of a service's database: what each may do, and how many connections it gets."""

import asyncio
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from roadbike.kit.db import migrate
from roadbike.local import home as homes
from roadbike.local.home import passwords
from roadbike.local.jobs import databases
from roadbike.local.servers import AUDIT, postgres
from tests.local.clusters import FOUND, LIMITS, NAMES, Before, cluster, connected


def statements_of(owner: str) -> list[str]:
    return [
        "CREATE TABLE other (id int)",
        "CREATE TEMP TABLE other (id int)",
        "CREATE SCHEMA other",
        "DROP TABLE item",
        "ALTER TABLE item ADD COLUMN more int",
        "TRUNCATE item",
        "CREATE INDEX ON item (id)",
        "COMMENT ON TABLE item IS 'mine'",
        "ALTER DATABASE stock SET work_mem = '1GB'",
        "ALTER ROLE stock CONNECTION LIMIT 100",
        f"SET ROLE {owner}",
    ]


async def make_as_before(port: int, passwords: dict[str, str]) -> None:
    """Make a database as versions did in which the serving role owned it, with a table."""
    server = await connected(port, postgres.SUPERUSER, "postgres", passwords)
    await server.execute(f"CREATE ROLE stock LOGIN PASSWORD '{passwords['stock']}'")
    await server.execute("CREATE DATABASE stock OWNER stock")
    await server.execute("REVOKE ALL ON DATABASE stock FROM PUBLIC")
    await server.close()
    serving = await connected(port, "stock", "stock", passwords)
    await serving.execute("CREATE TABLE item (id serial PRIMARY KEY, name text)")
    await serving.execute("INSERT INTO item (name) VALUES ('kept')")
    await serving.close()


@pytest.mark.parametrize("whose", FOUND)
@pytest.mark.parametrize("before", [None, make_as_before])
async def test_the_serving_role_changes_rows_and_the_owner_changes_tables(
    folder: Path, whose: str, before: Before | None
) -> None:
    home = homes.at(folder / "home")
    homes.open_home(home)
    made = passwords(home, "postgres", NAMES)

    async with cluster(home, FOUND[whose], before) as port:
        owner = await connected(port, postgres.owner_of("stock"), "stock", made)
        serving = await connected(port, "stock", "stock", made)
        if before is None:
            await owner.execute("CREATE TABLE item (id serial PRIMARY KEY, name text)")
        await owner.execute("CREATE TABLE later (id serial PRIMARY KEY)")
        await owner.execute("ALTER TABLE item ADD COLUMN price int")

        await serving.execute("INSERT INTO item (name, price) VALUES ('new', 1)")
        await serving.execute("UPDATE item SET price = 2")
        names = [row["name"] for row in await serving.fetch("SELECT name FROM item ORDER BY id")]
        await serving.execute("DELETE FROM item")
        await serving.execute("INSERT INTO later DEFAULT VALUES")
        for statement in statements_of(postgres.owner_of("stock")):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await serving.execute(statement)
        with pytest.raises(asyncpg.PostgresError):
            await connected(port, postgres.owner_of("stock"), "payment", made)
        await serving.close()
        await owner.close()

    assert names == (["kept", "new"] if before else ["new"])


async def test_the_role_of_the_audit_reads_every_database_and_changes_nothing(
    folder: Path,
) -> None:
    home = homes.at(folder / "home")
    homes.open_home(home)
    made = passwords(home, "postgres", NAMES)

    async with cluster(home, FOUND["the wheel's"], make_as_before) as port:
        owner = await connected(port, postgres.owner_of("payment"), "payment", made)
        await owner.execute("CREATE TABLE item (id serial PRIMARY KEY, name text)")
        await owner.close()
        for database in LIMITS:
            reader = await connected(port, AUDIT, database, made)
            await reader.fetch("SELECT name FROM item")
            await reader.execute("SET default_transaction_read_only = off")
            for statement in (
                *statements_of(postgres.owner_of(database)),
                "INSERT INTO item (name) VALUES ('new')",
                "UPDATE item SET name = 'other'",
                "DELETE FROM item",
                "SELECT nextval('item_id_seq')",
                f"SET ROLE {database}",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await reader.execute(statement)
            await reader.close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connected(port, AUDIT, "postgres", made)


async def test_the_serving_role_only_reads_and_adds_to_the_audit_log(folder: Path) -> None:
    home = homes.at(folder / "home")
    homes.open_home(home)
    made = passwords(home, "postgres", NAMES)

    async with cluster(home, FOUND["the wheel's"]) as port:
        owner = postgres.owner_of("stock")
        await migrate.upgrade_async(
            "roadbike.stock",
            f"postgresql+asyncpg://{owner}:{made[owner]}@127.0.0.1:{port}/stock",
        )
        for _ in range(2):  # as it is after the migration, and after the shop is opened again
            serving = await connected(port, "stock", "stock", made)
            await serving.execute(
                "INSERT INTO audit_log (at, actor, kind, thing, action, old_values, new_values) "
                "VALUES (now(), 'boss', 'bike', '1', 'edited', '{}', '{}')"
            )
            for statement in (
                "UPDATE audit_log SET actor = 'somebody'",
                "DELETE FROM audit_log",
                "TRUNCATE audit_log",
                "DROP TABLE audit_log",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await serving.execute(statement)
            await serving.close()
            await asyncio.to_thread(databases.make, port=port, passwords=made, limits=LIMITS)
        looking = await connected(port, "stock", "stock", made)
        kept = await looking.fetchval("SELECT count(*) FROM audit_log")
        await looking.close()

    assert kept == 2


async def test_one_role_cannot_take_the_connections_of_the_others(folder: Path) -> None:
    home = homes.at(folder / "home")
    homes.open_home(home)
    made = passwords(home, "postgres", NAMES)

    async with cluster(home, FOUND["the wheel's"]) as port:
        taken = [await connected(port, "stock", "stock", made) for _ in range(LIMITS["stock"])]
        owners = [await connected(port, "stock_owner", "stock", made) for _ in range(2)]
        for role in ("stock", "stock_owner"):
            with pytest.raises(asyncpg.TooManyConnectionsError):
                await connected(port, role, "stock", made)
        others = [
            await connected(port, role, "payment", made)
            for role in (*["payment"] * LIMITS["payment"], *["payment_owner"] * 2)
        ]
        looking = await connected(port, postgres.SUPERUSER, "postgres", made)
        for connection in (*taken, *owners, *others, looking):
            await connection.close()


def test_the_server_accepts_what_all_roles_together_may_open() -> None:
    limits = [postgres.connection_limit(10), postgres.connection_limit(10, replicas=3)]

    assert limits == [10 + postgres.SPARE_CONNECTIONS, 30 + postgres.SPARE_CONNECTIONS]
    assert postgres.max_connections(limits) > sum(limits) + 2 * postgres.OWNER_CONNECTIONS
