"""An account service on a database of its own, and HTTP clients for it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Literal

import httpx
import pytest
from sqlalchemy import update

from roadbike.account import app
from roadbike.account.domain import Role
from roadbike.account.passwords import hasher
from roadbike.account.store import LOGIN_FAILURE
from roadbike.account.use_cases import open_account
from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.process.access_tokens import token_verifier
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.service import Service
from roadbike.kit.translations import load_translations
from roadbike.kit.web import http_app
from roadbike.kit.web.client import Gateway
from roadbike.serve import SHOP

Ask = Callable[..., Awaitable[httpx.Response]]

KEY = new_signing_key("account/1")
STOREFRONT_KEY = new_signing_key("storefront/1")
OPS_KEY = new_signing_key("ops/1")
CALLERS = json.dumps(
    {"keys": [SigningKey.from_jwk(key).public_jwk() for key in (STOREFRONT_KEY, OPS_KEY)]}
)
RARE = "correct horse"
GATEWAY_KEY = "the gateway's key"


def settings_of(url: str, **changes: Any) -> app.Settings:
    usual: dict[str, Any] = {
        "port": 0,
        "database_url": Secret(url),
        "broker_url": Secret("memory://"),
        "account_url": "http://account",
        "account_keys": json.dumps({"keys": [SigningKey.from_jwk(KEY).public_jwk()]}),
        "service_key": Secret(new_signing_key("account/own")),
        "signing_key": Secret(KEY),
        "login_failures_per_account": 3,
        "login_failures_per_client": 5,
        "login_failures_in_all": 8,
    }
    return app.Settings(**(usual | changes))


@pytest.fixture
def settings() -> Callable[..., app.Settings]:
    return settings_of


@pytest.fixture
def account_url(migrated_url: Callable[..., str], dialect: Literal["postgresql", "sqlite"]) -> str:
    return migrated_url("roadbike.account", dialect)


@pytest.fixture
async def service(account_url: str) -> AsyncIterator[Service]:
    service = app.build(settings_of(account_url))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        yield service


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with app_of(service) as client:
        yield client


@asynccontextmanager
async def app_of(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """The real app behind our gateway; `ask` is the gateway."""

    edge: Any = http_app(
        title="account",
        routes=service.routes,
        tokens=token_verifier(service, SHOP),
        services=ServiceTokens("account", new_signing_key("account/own"), CALLERS),
        translations=load_translations("roadbike.kit", "roadbike.contracts"),
        status=_no_figures,
        ready=lambda: True,
        gateway=Gateway(hops=1, key=GATEWAY_KEY),
    )
    transport = httpx.ASGITransport(edge)
    async with httpx.AsyncClient(transport=transport, base_url="http://account") as own:
        yield own


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Ask:
    """`await ask("POST /accounts", {…}, token=…, address="1.2.3.4", X_Device_Token=…)`."""
    return asking(client)


def asking(client: httpx.AsyncClient) -> Ask:
    async def ask(
        what: str,
        body: object = None,
        *,
        token: str | None = None,
        address: str | None = None,
        **more: str,
    ) -> httpx.Response:
        method, path = what.split(" ", 1)
        headers = {"Accept-Language": "en", "X-Gateway-Key": GATEWAY_KEY}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if address is not None:
            headers["X-Forwarded-For"] = address
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        client.cookies.clear()  # a client of the API, not a browser
        return await client.request(method, path, headers=headers, content=content)

    return ask


@pytest.fixture
def sign_up(ask: Ask) -> Ask:
    async def sign_up(user_id: str = "kim", password: str = RARE) -> httpx.Response:
        body = {"userId": user_id, "password": password, "userNm": "김자전거"}
        return await ask("POST /accounts", body)

    return sign_up


@pytest.fixture
def log_in(ask: Ask) -> Ask:
    async def log_in(
        user_id: str = "kim", password: str = RARE, address: str | None = None, **more: str
    ) -> httpx.Response:
        body = {"userId": user_id, "password": password}
        return await ask("POST /accounts/tokens", body, address=address, **more)

    return log_in


@pytest.fixture
def open_admin(service: Service) -> Callable[[str], Awaitable[None]]:
    """Open an admin as the one-machine mode does, directly in the database."""

    async def open_admin(password: str) -> None:
        async with service.db.begin() as tx:
            await open_account(
                tx,
                user_id="Admin",
                user_name="관리자",
                password_hash=hasher().hash(password),
                roles=(Role.ADMIN, Role.BUYER),
            )

    return open_admin


@pytest.fixture
def time_passes(service: Service) -> Callable[[timedelta], Awaitable[None]]:
    """Make the recorded failures older: the clock of the database cannot be moved."""

    async def time_passes(by: timedelta) -> None:
        async with service.db.begin() as tx:
            for row in (await tx.execute(LOGIN_FAILURE.select())).mappings().all():
                of_row = LOGIN_FAILURE.c.id == row["id"]
                await tx.execute(
                    update(LOGIN_FAILURE).where(of_row).values(failed_at=row["failed_at"] - by)
                )

    return time_passes


async def _no_figures() -> Mapping[str, object]:
    return {}
