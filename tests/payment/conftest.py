"""A payment service on its own database, its callers, and people who use it over HTTP."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from httpx import AsyncClient

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.payment import app
from tests.service_harness import ApiClient, ServiceHarness, Signed, http_client, settings

RESERVATION_KEY, OPS_KEY = new_signing_key("reservation/1"), new_signing_key("ops/1")


@pytest.fixture
async def payment(
    migrated_url: Callable[..., str], new_database: Callable[..., str], dialect: str
) -> AsyncIterator[ServiceHarness]:
    url = migrated_url("roadbike.payment", dialect)
    public = [SigningKey.from_jwk(key).public_jwk() for key in (RESERVATION_KEY, OPS_KEY)]
    chosen: dict[str, Any] = {
        **settings("payment", url),
        "simulated_journal_url": new_database("sqlite"),
        "caller_keys": json.dumps({"keys": public}),
    }
    async with AsyncExitStack() as stack:
        service = app.build(app.Settings(**chosen))
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        yield ServiceHarness(service)


@pytest.fixture
async def client(payment: ServiceHarness) -> AsyncIterator[AsyncClient]:
    async with http_client(payment.service) as client:
        yield client


@pytest.fixture
def reservation(client: AsyncClient) -> ApiClient:
    """The reservation service, with its own tokens."""
    tokens = ServiceTokens("reservation", RESERVATION_KEY, '{"keys": []}')
    return ApiClient(client, {}, Signed(tokens, "payment"))
