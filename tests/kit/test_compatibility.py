"""Code runs on a database of its version, and on a newer one whose migrations allow it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from roadbike.kit.db import Database, compatibility, migrate
from roadbike.kit.db.compatibility import TooNew
from tests.kit.next_migration import HEAD, NEXT, PACKAGE, run_next
from tests.kit.web.ports import until

OpenDatabase = Callable[[str], Database]


@pytest.fixture
def url(migrated_url: Callable[..., str], dialect: str) -> str:
    return migrated_url(PACKAGE, dialect)


@pytest.fixture
def stock(url: str, open_database: OpenDatabase) -> Database:
    return open_database(url)


async def reason(db: Database, version: str = HEAD) -> str | None:
    async with db.read() as tx:
        return await compatibility.reason_against(tx, version)


async def test_code_may_run_on_a_database_of_its_version(stock: Database) -> None:
    assert await reason(stock) is None


async def test_code_may_not_run_on_a_database_that_is_not_migrated_yet(stock: Database) -> None:
    assert (
        await reason(stock, NEXT) == f"the database is at {HEAD}, the code needs {NEXT}: migrate it"
    )


async def test_code_may_run_on_a_newer_database_whose_migrations_only_add(
    stock: Database, url: str, tmp_path: Path
) -> None:
    await run_next(url, tmp_path)
    await run_next(url, tmp_path)

    assert await reason(stock) is None


async def test_code_may_not_run_on_a_newer_database_that_needs_newer_code(
    stock: Database, url: str, tmp_path: Path
) -> None:
    await run_next(url, tmp_path, oldest_code=NEXT)

    expected = f"the database is at {NEXT}, which needs code of {NEXT} or newer"
    assert await reason(stock) == f"{expected}; this is code of {HEAD}"


async def test_a_migration_that_says_nothing_leaves_the_oldest_code_as_it_was(
    stock: Database, url: str, tmp_path: Path
) -> None:
    await run_next(url, tmp_path, oldest_code=NEXT)
    await run_next(url, tmp_path)

    assert await reason(stock) is not None
    assert await reason(stock, NEXT) is None


async def test_a_roll_back_of_the_code_leaves_a_compatible_database_as_it_is(
    stock: Database, url: str, tmp_path: Path
) -> None:
    await run_next(url, tmp_path)

    await migrate.upgrade_async(PACKAGE, url)  # what code of before does at its start

    async with stock.read() as tx:
        assert await tx.scalar(text("SELECT version_num FROM alembic_version")) == NEXT


async def test_code_refuses_to_start_on_a_database_that_needs_newer_code(
    url: str, tmp_path: Path
) -> None:
    await run_next(url, tmp_path, oldest_code=NEXT)

    with pytest.raises(TooNew):
        await migrate.upgrade_async(PACKAGE, url)


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_migration_waits_for_a_lock_only_briefly_and_tries_again(
    stock: Database, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Any] = []
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT_MS", 200)
    monkeypatch.setattr(migrate, "LOCK_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(migrate.log, "warning", lambda *_, **each: tried.append(each))

    async with stock.begin() as tx:
        await tx.execute(text("SELECT 1 FROM bike"))  # holds its lock until the end
        migrating = asyncio.create_task(run_next(url, tmp_path))
        await until(lambda: len(tried) >= 2)
        async with stock.read() as other, asyncio.timeout(5):
            await other.execute(text("SELECT 1 FROM bike"))  # waits behind one try at most
    await migrating

    async with stock.read() as tx:
        assert await tx.scalar(text("SELECT version_num FROM alembic_version")) == NEXT
