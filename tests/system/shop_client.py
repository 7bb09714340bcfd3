"""HTTP clients of an open shop: buyers, staff, and the status of the services."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, TypeVar
from uuid import uuid4

import aiohttp

from roadbike.contracts.identity import AUDIENCE, ISSUER
from roadbike.kit.auth import ServiceTokens, SigningKey
from roadbike.local import keys
from roadbike.local.supervisor import control
from tests.recipient import RECIPIENT
from tests.settling import wait_until_settled
from tests.system.real_shop import SERVICES, Shop

T = TypeVar("T")

TOKEN_SECONDS: Final = 600  # services accept no longer life
PRICE: Final = 5_100_000
READY_SECONDS: Final = 90.0
LARGEST_PAGE: Final = 100
OWNERS: Final = {"stocks": "stock", "myPages": "mypage", "deliveries": "delivery"}


@dataclass(frozen=True, slots=True)
class Response:
    """A response, and the milliseconds it took."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    ms: float

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass(frozen=True)
class Person:
    """A client with the access token of one person, or without a token."""

    shop_client: "ShopClient"
    name: str
    token: str | None
    direct: bool = False  # to the service's own port instead of the gateway

    async def request(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        start = time.perf_counter()
        async with self.shop_client.http.request(
            method, self._address(path) + path, json=body, headers=sent
        ) as response:
            raw = await response.read()
            ms = (time.perf_counter() - start) * 1000
            return Response(response.status, response.headers, raw, ms)

    async def get(self, path: str) -> Any:
        """Return the body. Raises AssertionError for another status than 200."""
        response = await self.request("GET", path)
        assert response.status == 200, (path, response)
        return response.body

    async def reserve(self, bike_id: int, **headers: str) -> Response:
        return await self.request(
            "POST", "/reservations", {"bikeId": bike_id, **RECIPIENT}, **headers
        )

    async def reserved(self, bike_id: int) -> str:
        """Reserve and return the reserveId. Raises AssertionError for another status than 201."""
        response = await self.reserve(bike_id)
        assert response.status == 201, response
        reserve_id: str = response.body["reserveId"]
        return reserve_id

    async def total(self, path: str) -> int:
        total: int = (await self.get(f"{path}?size=1"))["page"]["totalElements"]
        return total

    async def all(self, path: str) -> list[Any]:
        """Return all items of a paged list."""
        found: list[Any] = []
        for number in count():
            page = await self.get(f"{path}?size={LARGEST_PAGE}&page={number}")
            items = next(iter(page["_embedded"].values()), [])
            found += items
            if len(items) < LARGEST_PAGE:
                return found
        raise AssertionError

    async def payment_of(self, reserve_id: str) -> Any:
        found = await self.get(f"/payments?reserveId={reserve_id}")
        (payment,) = found["_embedded"]["payments"]
        return payment

    def _address(self, path: str) -> str:
        first = path.split("/")[1].split("?", maxsplit=1)[0]
        owner = OWNERS.get(first, first.removesuffix("s"))
        return self.shop_client.shop.address(owner if self.direct else "gateway")


@dataclass(eq=False)
class ShopClient:
    """The clients of one shop. signer: account's key, to make tokens without a log-in."""

    shop: Shop
    http: aiohttp.ClientSession
    signer: SigningKey
    ops: ServiceTokens

    def buyer(self, *, direct: bool = False) -> Person:
        """Return a new buyer, who has no reservations yet."""
        return self._person(f"buyer-{uuid4().hex[:12]}", "buyer", direct=direct)

    @property
    def admin(self) -> Person:
        return self._person("admin", "admin")

    @property
    def nobody(self) -> Person:
        return Person(self, "nobody", None)

    def _person(self, name: str, role: str, *, direct: bool = False) -> Person:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "roles": [role]}
        token = self.signer.sign(claims | {"iat": now, "exp": now + TOKEN_SECONDS})
        return Person(self, name, token, direct)

    async def bike(self, units: int) -> int:
        """Add a bike, wait until it is in the catalogue copy, and return its number."""
        body = {"bikeNm": "시험 로드", "price": PRICE, "stockQty": units}
        added = await self.admin.request("POST", "/stocks", body)
        assert added.status == 201, added
        await self.settle()
        bike_id: int = added.body["bikeId"]
        return bike_id

    async def status(self, name: str) -> dict[str, Any]:
        url = f"{self.shop.address(name)}/internal/status"
        async with self.http.get(
            url, headers=self.ops.headers(name, "GET", "/internal/status")
        ) as response:
            status: dict[str, Any] = await response.json()
            return status

    async def settle(self, seconds: float = 30) -> None:
        """Wait until no service has anything left to do."""
        await wait_until_settled(self._statuses, seconds, pause=0.25)

    async def _statuses(self) -> dict[str, dict[str, Any]]:
        return {name: await self.status(name) for name in SERVICES}

    async def eventually(
        self, person: Person, path: str, seconds: float = 5, **wanted: object
    ) -> Any:
        """Wait until the body has these fields, and return it."""

        async def look() -> Any:
            return (await person.request("GET", path)).body

        def right(body: Any) -> bool:
            return all(body.get(name) == value for name, value in wanted.items())

        return await until(look, right, f"{path} shows {wanted}", seconds)


async def until(
    look: Callable[[], Awaitable[T]],
    right: Callable[[T], bool],
    what: str,
    seconds: float = 10,
    *,
    pause: float = 0.05,
) -> T:
    """Call `look` until `right` accepts its result, and return that. `what` names it."""
    end = time.monotonic() + seconds
    while not right(seen := await look()):
        assert time.monotonic() < end, f"{what}: not so within {seconds:g} s; last seen: {seen}"
        await asyncio.sleep(pause)
    return seen


async def until_all_ready(shop: Shop) -> None:
    """Wait until every part of the shop answers."""

    async def look() -> set[str]:
        views = await asyncio.to_thread(control.views, shop.home)
        return {view.name for view in views if view.state != "ready"}

    await until(look, lambda names: not names, "all parts are ready", READY_SECONDS)


@asynccontextmanager
async def open_client(shop: Shop) -> AsyncIterator[ShopClient]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        signer = SigningKey.from_jwk(keys.private(shop.home, keys.SIGNING).read_text())
        own = keys.private(shop.home, keys.OPS).read_text()
        yield ShopClient(shop, http, signer, ServiceTokens(keys.OPS, own, '{"keys": []}'))
