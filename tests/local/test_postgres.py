"""The cluster: access of each role, both PostgreSQL versions, folders closed to its user."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from roadbike.local import home as homes
from roadbike.local.errors import CommandError
from roadbike.local.home import Home, passwords
from roadbike.local.jobs import databases
from roadbike.local.servers import binaries, postgres
from roadbike.local.supervisor.keeper import Keeper
from roadbike.local.supervisor.processes import Starter
from tests.local.other_user import NOBODY, as_nobody, needs_root
from tests.ports import free_base

LIMITS = {"stock": 4, "payment": 5}
NAMES = (postgres.SUPERUSER, *LIMITS, *map(postgres.owner_of, LIMITS))
FOUND = {
    name: binaries.postgres(environ, data_major=None)
    for name, environ in {
        "the wheel's": {"PATH": ""},
        "the path's": {"PATH": os.environ["PATH"]},
    }.items()
}

Before = Callable[[int, dict[str, str]], Awaitable[None]]  # of port and passwords


@asynccontextmanager
async def cluster(
    home: Home, found: binaries.Postgres, before: Before | None = None
) -> AsyncIterator[int]:
    """Run a cluster in the block, and give its port. before: runs before the job of databases."""
    port = free_base()
    made = passwords(home, "postgres", NAMES)
    part = postgres.part(home, port, {"ROADBIKE_POSTGRES_BIN": str(found.folder)}, made, LIMITS)
    part = replace(part, finish=None)
    keeper = Keeper(part, home.log("postgres"), Starter(), ready_at_once, lambda: None)
    keeper.start()
    try:
        async with asyncio.timeout(60):
            await keeper.ready.wait()
        if before is not None:
            await before(port, made)
        await asyncio.to_thread(databases.make, port=port, passwords=made, limits=LIMITS)
        yield port
    finally:
        await keeper.stop()


async def ready_at_once() -> None:
    """Nothing is needed."""


async def log_in(port: int, user: str, database: str, password: str | None) -> str:
    connection = await asyncpg.connect(
        host="127.0.0.1", port=port, user=user, database=database, password=password
    )
    version: str = await connection.fetchval("SHOW server_version")
    await connection.close()
    return version


@pytest.mark.parametrize("whose", FOUND)
async def test_each_role_can_use_its_own_database_only(folder: Path, whose: str) -> None:
    home = homes.at(folder / "home")
    homes.open_home(home)
    password = passwords(home, "postgres", NAMES)["stock"]

    async with cluster(home, FOUND[whose]) as port:
        version = await log_in(port, "stock", "stock", password)

        for database in ("payment", "postgres", "template1"):
            with pytest.raises(asyncpg.PostgresError):
                await log_in(port, "stock", database, password)
        for wrong in (None, "", "wrong"):
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
                await log_in(port, "stock", "stock", wrong)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await log_in(port, "postgres", "postgres", None)

    assert version.startswith(str(FOUND[whose].major))


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


async def connected(
    port: int, role: str, database: str, passwords: dict[str, str]
) -> asyncpg.Connection:
    return await asyncpg.connect(
        host="127.0.0.1", port=port, user=role, database=database, password=passwords[role]
    )


@needs_root
async def test_home_and_programs_may_be_closed_to_the_server_s_user() -> None:
    with tempfile.TemporaryDirectory(prefix="roadbike-closed-") as closed:  # mode 0700
        home = homes.at(Path(closed) / "home")
        homes.open_home(home)
        password = passwords(home, "postgres", NAMES)["stock"]
        programs = copied(FOUND["the wheel's"], Path(closed))

        async with cluster(home, programs) as port:
            await log_in(port, "stock", "stock", password)
        outside = home.postgres.resolve()
        homes.empty(home)

    assert not outside.is_relative_to(closed)
    assert not outside.exists()


@needs_root
def test_a_link_or_folder_of_another_user_outside_is_not_used() -> None:
    with tempfile.TemporaryDirectory(prefix="roadbike-closed-") as closed:  # mode 0700
        home = homes.at(Path(closed) / "home")
        homes.open_home(home)
        victim = Path(closed) / "victim"
        victim.mkdir()
        planted = Path(tempfile.mkdtemp(prefix=homes.OUTSIDE_PREFIX))
        (planted / homes.OUTSIDE).write_bytes(bytes(home.path))
        os.chown(planted, NOBODY, NOBODY)
        link = planted.with_name(f"{planted.name}-link")
        link.symlink_to(victim)

        base = postgres.find(home, os.environ).base
        homes.empty(home)

        assert base.parent == planted.parent
        assert base not in {planted, link, victim}
        assert not base.exists()
        assert victim.stat().st_uid == 0
        assert planted.exists()
    link.unlink()
    shutil.rmtree(planted)


@needs_root
def test_the_outside_data_of_a_deleted_home_are_deleted() -> None:
    with tempfile.TemporaryDirectory(prefix="roadbike-closed-") as closed:
        home = homes.at(Path(closed) / "home")
        homes.open_home(home)
        first = postgres.find(home, os.environ).base
        shutil.rmtree(home.path)
        homes.open_home(home)

        second = postgres.find(home, os.environ).base
        homes.empty(home)

    assert not first.exists()
    assert not second.exists()


@needs_root
def test_the_server_s_user_cannot_change_who_may_log_in(folder: Path) -> None:
    home = homes.at(folder / "home")
    homes.open_home(home)
    found = postgres.find(home, os.environ)
    postgres.prepare(found, "secret")
    victim = folder / "victim"
    victim.write_text("dear")

    changed = as_nobody(lambda: found.access.open("a"))
    replaced = as_nobody(found.access.unlink)
    as_nobody((found.data / "pg_hba.conf").unlink)
    as_nobody(lambda: (found.data / "pg_hba.conf").symlink_to(victim))
    postgres.prepare(found, "secret")

    assert {changed, replaced} == {"EACCES"}
    assert found.access.read_text() == postgres.ACCESS
    assert victim.read_text() == "dear"


def copied(found: binaries.Postgres, to: Path) -> binaries.Postgres:
    """Copy the programs into a folder that only root can enter."""
    package = found.folder.parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, to / part.name)
    return replace(found, folder=to / found.folder.relative_to(package.parent))


def test_data_of_another_major_version_are_refused_with_what_to_do() -> None:
    named = {"ROADBIKE_POSTGRES_BIN": str(FOUND["the wheel's"].folder)}

    with pytest.raises(CommandError) as refused:
        binaries.postgres(named, data_major=13)

    assert "the data were made by PostgreSQL 13" in str(refused.value)
    assert "set ROADBIKE_POSTGRES_BIN to the bin folder of a PostgreSQL 13" in str(refused.value)
    assert "--fresh" in str(refused.value)


def test_the_first_postgres_of_the_data_s_version_is_taken() -> None:
    environ = {"PATH": os.environ["PATH"]}

    for found in FOUND.values():
        assert binaries.postgres(environ, data_major=found.major) == found


def test_a_setting_that_does_not_name_a_server_is_an_error_with_its_name(folder: Path) -> None:
    for find, setting in (
        (binaries.nats_server, "ROADBIKE_NATS_SERVER"),
        (binaries.traefik, "ROADBIKE_TRAEFIK"),
    ):
        with pytest.raises(CommandError, match=f"{setting} names {folder}/nothing"):
            find({setting: f"{folder}/nothing", "PATH": os.environ["PATH"]})
    with pytest.raises(CommandError, match="ROADBIKE_POSTGRES_BIN"):
        binaries.postgres({"ROADBIKE_POSTGRES_BIN": str(folder)}, data_major=None)


def test_without_a_path_the_programs_of_the_wheels_are_taken() -> None:
    assert binaries.nats_server({"PATH": ""}).name == "nats-server"
    assert binaries.traefik({"PATH": ""}).name == "traefik"
    assert FOUND["the wheel's"].major == 18
