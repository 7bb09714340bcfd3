"""A my page service on a database of its own, and an HTTP client for it."""

from collections.abc import AsyncIterator, Callable

import pytest
from httpx import AsyncClient

from roadbike.mypage import app
from tests.service_harness import ServiceHarness, http_client, settings


@pytest.fixture
async def mypage(migrated_url: Callable[..., str], dialect: str) -> AsyncIterator[ServiceHarness]:
    url = migrated_url("roadbike.mypage", dialect)
    service = app.build(app.Settings(**settings("mypage", url)))
    yield ServiceHarness(service)
    await service.db.close()


@pytest.fixture
async def client(mypage: ServiceHarness) -> AsyncIterator[AsyncClient]:
    async with http_client(mypage.service) as client:
        yield client
