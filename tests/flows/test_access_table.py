"""Role by route, straight at the services: as the table says, and every route is in the table.

What the same roles get from the pages: tests/browser/test_access_of_pages.py.
"""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Final

import pytest
from httpx import AsyncClient

from roadbike.account.use_cases import open_account
from roadbike.contracts.identity import AUDIENCE, ISSUER, Role
from roadbike.kit.process.service import Service
from roadbike.kit.web import ADMIN, ANYONE, INTERNAL, Who
from roadbike.kit.web.access import may_use
from tests.flows.access_table import NOT_STAFF_S_WORK, PAGES, ROUTES
from tests.flows.built import built, key_of_account
from tests.flows.every_route import EVERY_ROUTE, Usage, names
from tests.reservation.fake_payment import open_fake_payment, opens
from tests.service_harness import ACCOUNT, http_client

ID: Final = "0199b6d2-4c1e-7a30-9f27-3d6c81e05b7a"
VALUES: Final = {"int": "1", "uuid": ID, "str": "somebody"}
EXPORTED: Final = {  # by admins only; clerks read them
    "stock": ["/stocks/all"],
    "reservation": ["/reservations/all"],
    "delivery": ["/deliveries/all"],
}


@pytest.fixture(params=ROUTES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def service(
    name: str, migrated_url: Callable[..., str], sqlite_url: str
) -> AsyncIterator[Service]:
    async with AsyncExitStack() as stack:
        payment = await stack.enter_async_context(open_fake_payment(opens))
        service = built(name, migrated_url(f"roadbike.{name}"), sqlite_url, payment.url)
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        yield service


@pytest.fixture
async def client(service: Service) -> AsyncIterator[AsyncClient]:
    async with http_client(service) as client:
        yield client


def test_every_route_of_a_service_is_classified(service: Service, name: str) -> None:
    declared = {
        f"{method} {path}": route.opt["who"]
        for route in service.routes
        for method in route.http_methods
        for path in route.paths
        if method not in {"HEAD", "OPTIONS"}
    }

    assert declared == ROUTES[name]


def test_every_page_is_classified(sqlite_url: str) -> None:
    storefront = built("storefront", sqlite_url, sqlite_url)
    declared = {
        f"{method} {path}": route.opt.get("page_for", ANYONE)
        for route in storefront.routes
        for method in route.http_methods
        for path in route.paths
        if method not in {"HEAD", "OPTIONS"}
    }

    assert declared == PAGES


async def test_each_role_gets_what_the_table_says(
    service: Service, name: str, client: AsyncClient
) -> None:
    if name == "account":
        await open_boss(service)
    wrong = {}

    for route, who in ROUTES[name].items():
        for role in (None, *Role):
            status = await ask(client, route, name, role)
            if not fits(status, who, role):
                wrong[route, role] = status

    assert wrong == {}


def fits(status: int, who: Who, role: Role | None) -> bool:
    """Return whether the status is one that this role gets at such a route."""
    if who is INTERNAL:
        return status == 401
    if who is ANYONE:
        return status not in {401, 403}
    if role is None:
        return status == 401
    return (status == 403) != may_use(who, frozenset({role})) and status not in {401, 500}


async def ask(client: AsyncClient, route: str, name: str, role: Role | None, **headers: str) -> int:
    """Send an empty request, which says only whether the role is enough."""
    method, template = route.split(" ")
    path = re.sub(r"\{\w+:(\w+)\}", lambda match: VALUES[match[1]], template)
    content = None if method in {"GET", "DELETE"} else b"{}"
    if content:
        headers["Content-Type"] = "application/json"
    if role is not None:
        headers["Authorization"] = f"Bearer {token(name, role)}"
    answer = await client.request(method, path, content=content, headers=headers)
    return answer.status_code


def token(name: str, role: Role) -> str:
    """Return an access token of a user with that role."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "boss", "roles": [role]}
    key = key_of_account() if name == "account" else ACCOUNT
    return key.sign(claims | {"iat": now, "exp": now + 600})


async def open_boss(service: Service) -> None:
    """Account itself looks up whether an admin still is one."""
    async with service.db.begin() as tx:
        await open_account(tx, user_id="boss", user_name="B", password_hash="", roles=(Role.ADMIN,))


@pytest.mark.parametrize("name", EXPORTED)
async def test_a_clerk_exports_nothing(name: str, client: AsyncClient) -> None:
    for path in EXPORTED[name]:
        statuses = [
            await ask(client, f"GET {path}", name, role, Accept="text/csv") for role in Role
        ]

        assert dict(zip(Role, statuses, strict=True)) == {"buyer": 403, "clerk": 403, "admin": 200}


async def test_what_staff_change_is_in_the_audit_log(
    service: Service, name: str, client: AsyncClient
) -> None:
    use = Usage(service, client)

    await EVERY_ROUTE[name](use)

    assert use.used == names(service)
    assert use.audited == changes_by_staff(name)


def changes_by_staff(name: str) -> set[str]:
    """Return the routes by which staff, or the operator for them, change something."""
    return {
        route
        for route, who in ROUTES[name].items()
        if not route.startswith("GET ")
        and route not in NOT_STAFF_S_WORK
        and (
            (who is not ANYONE and may_use(who, frozenset({Role.ADMIN})))
            or route.partition(" ")[2].startswith("/internal/staff")
        )
    }


def test_every_service_shows_its_audit_log_to_admins() -> None:
    logs = {name: [route for route in ROUTES[name] if "/audit" in route] for name in ROUTES}

    assert {name for name, routes in logs.items() if len(routes) != 1} == set()
    assert all(
        who is ADMIN
        for routes in ROUTES.values()
        for route, who in routes.items()
        if route.endswith("/audit")
    )
