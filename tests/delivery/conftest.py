"""A delivery service on a database of its own, and an HTTP client for it."""

from collections.abc import AsyncIterator, Callable

import pytest
from httpx import AsyncClient

from roadbike.delivery import app
from tests.at_work import AtWork, open_to_visitors, settings


@pytest.fixture
async def delivery(migrated_url: Callable[..., str], dialect: str) -> AsyncIterator[AtWork]:
    url = migrated_url("roadbike.delivery", dialect)
    service = app.build(app.Settings(**settings("delivery", url)))
    yield AtWork(service)
    await service.db.close()


@pytest.fixture
async def client(delivery: AtWork) -> AsyncIterator[AsyncClient]:
    async with open_to_visitors(delivery.service) as client:
        yield client
