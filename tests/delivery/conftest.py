"""A delivery service on a database of its own, and an HTTP client for it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from httpx import AsyncClient

from roadbike.delivery import app
from tests.service_harness import ServiceHarness, http_client, settings


@pytest.fixture
async def delivery(migrated_url: Callable[..., str], dialect: str) -> AsyncIterator[ServiceHarness]:
    url = migrated_url("roadbike.delivery", dialect)
    service = app.build(app.Settings(**settings("delivery", url)))
    async with AsyncExitStack() as stack:
        for resource in service.resources:
            await stack.enter_async_context(resource)
        yield ServiceHarness(service)
    await service.db.close()


@pytest.fixture
async def client(delivery: ServiceHarness) -> AsyncIterator[AsyncClient]:
    async with http_client(delivery.service) as client:
        yield client
