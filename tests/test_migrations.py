"""Each service's migrations make what its code knows, and can be taken back."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from roadbike.kit import migrate
from roadbike.kit.db import Database

SERVICES = ("stock", "reservation", "payment", "delivery", "mypage", "account")


@pytest.fixture(params=SERVICES)
def package(request: pytest.FixtureRequest) -> str:
    return f"roadbike.{request.param}"


def test_migrations_go_up_down_and_up(package: str, database_url: str) -> None:
    migrate.upgrade(package, database_url)
    migrate.downgrade(package, database_url, "base")
    migrate.upgrade(package, database_url)


async def test_migrations_make_what_the_code_knows(
    package: str,
    dialect: str,
    migrated_url: Callable[..., str],
    open_database: Callable[[str], Database],
) -> None:
    db = open_database(migrated_url(package, dialect))
    own = migrate.metadata_of(package)[-1]

    def difference(connection: Any) -> list[Any]:
        only_own = {"include_name": lambda name, kind, _: kind != "table" or name in own.tables}
        context = MigrationContext.configure(connection, opts=only_own)
        return list(compare_metadata(context, own))

    async with db.engine.connect() as connection:
        assert await connection.run_sync(difference) == []
