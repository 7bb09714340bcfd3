"""The cluster: access of each role, both PostgreSQL versions, folders closed to its user."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from roadbike.local import home as homes
from roadbike.local.errors import CommandError
from roadbike.local.home import passwords
from roadbike.local.servers import binaries, postgres
from tests.local.clusters import FOUND, NAMES, cluster
from tests.local.other_user import NOBODY, as_nobody, needs_root


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
