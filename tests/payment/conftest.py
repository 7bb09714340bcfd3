"""A payment service on a database of its own, its callers, and people who ask it over HTTP."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from roadbike.kit.auth import ServiceTokens, SigningKey, TokenVerifier, new_signing_key
from roadbike.kit.messages import load_messages
from roadbike.kit.server import service_tokens
from roadbike.kit.web import http_app
from roadbike.payment import app
from tests.at_work import ACCOUNT, AtWork, Visitor, settings, visitor

RESERVATION_KEY, OPS_KEY = new_signing_key("reservation/1"), new_signing_key("ops/1")


@pytest.fixture
async def payment(
    migrated_url: Callable[..., str], new_database: Callable[..., str], dialect: str
) -> AsyncIterator[AtWork]:
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
        yield AtWork(service)


@pytest.fixture
async def client(payment: AtWork) -> AsyncIterator[AsyncClient]:
    """The real app, which believes the reservation service's own key."""
    service = payment.service
    edge: Any = http_app(
        name=service.name,
        routes=service.routes,
        tokens=TokenVerifier(service.db, "http://account.invalid", fetch=_account_keys),
        services=service_tokens(service.name, service.settings),
        messages=load_messages("roadbike.kit", "roadbike.contracts"),
        status=_no_figures,
        ready=lambda: True,
    )
    async with AsyncClient(transport=ASGITransport(edge), base_url="http://shop.invalid") as client:
        yield client


@pytest.fixture
def reservation(client: AsyncClient) -> Visitor:
    """The reservation service, with its own token."""
    tokens = ServiceTokens("reservation", RESERVATION_KEY, '{"keys": []}')
    return Visitor(client, tokens.headers("payment"))


@pytest.fixture
def nobody(client: AsyncClient) -> Visitor:
    return Visitor(client, {})


@pytest.fixture
def alice(client: AsyncClient) -> Visitor:
    return visitor(client, "alice", "buyer")


@pytest.fixture
def mallory(client: AsyncClient) -> Visitor:
    return visitor(client, "mallory", "buyer")


@pytest.fixture
def admin(client: AsyncClient) -> Visitor:
    return visitor(client, "boss", "admin")


async def _account_keys(_url: str) -> str:
    return json.dumps({"keys": [ACCOUNT.public_jwk()]})


async def _no_figures() -> dict[str, object]:
    return {}
