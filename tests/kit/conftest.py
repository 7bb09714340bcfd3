"""The kit is tested on real databases that hold its own tables and a tiny trade's."""

from collections.abc import Callable

import pytest

from roadbike.kit.db import Database
from tests.kit.things import make_tables


@pytest.fixture
async def db(open_database: Callable[[str], Database], database_url: str) -> Database:
    database = open_database(database_url)
    await make_tables(database)
    return database
