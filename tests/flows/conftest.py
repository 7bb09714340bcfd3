"""A shop for each test: PostgreSQL, and SQLite for delivery, as on one machine."""

from collections.abc import AsyncIterator, Callable
from functools import cache

import pytest

from tests.flows.shop import Shop, open_shop


@pytest.fixture
async def shop(
    migrated_url: Callable[..., str], new_database: Callable[..., str]
) -> AsyncIterator[Shop]:
    @cache
    def url(service: str) -> str:
        if service == "provider":
            return new_database("sqlite")
        return migrated_url(
            f"roadbike.{service}", "sqlite" if service == "delivery" else "postgresql"
        )

    async with open_shop(url) as shop:
        yield shop
