"""People who use a running shop over HTTP, and who look whether it has come to rest."""

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
from tests.settling import settled
from tests.system.shop import SERVICES, Shop

T = TypeVar("T")

TEN_MINUTES: Final = 600  # services accept no longer life of a token
PRICE: Final = 5_100_000
LARGEST_PAGE: Final = 100
OWNERS: Final = {"stocks": "stock", "myPages": "mypage", "deliveries": "delivery"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, after how many milliseconds."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    ms: float

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass(frozen=True)
class Person:
    """Somebody with a token, or nobody without."""

    visit: "Visit"
    name: str
    token: str | None
    straight: bool = False  # to the service's own port instead of the gateway

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            given["Authorization"] = f"Bearer {self.token}"
        began = time.perf_counter()
        async with self.visit.http.request(
            method, self._address(path) + path, json=body, headers=given
        ) as response:
            raw = await response.read()
            took = (time.perf_counter() - began) * 1000
            return Answer(response.status, response.headers, raw, took)

    async def get(self, path: str) -> Any:
        """The body of a 200."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, (path, answer)
        return answer.body

    async def reserve(self, bike_id: int, **headers: str) -> Answer:
        return await self.ask("POST", "/reservations", {"bikeId": bike_id}, **headers)

    async def reserved(self, bike_id: int) -> str:
        """The reserveId of a 201."""
        answer = await self.reserve(bike_id)
        assert answer.status == 201, answer
        reserve_id: str = answer.body["reserveId"]
        return reserve_id

    async def total(self, path: str) -> int:
        total: int = (await self.get(f"{path}?size=1"))["page"]["totalElements"]
        return total

    async def all(self, path: str) -> list[Any]:
        """Every item of a list, page by page."""
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
        return self.visit.shop.address(owner if self.straight else "gateway")


@dataclass(eq=False)
class Visit:
    """A while in one shop. `signer` is account's key: tokens of many buyers need no log-ins."""

    shop: Shop
    http: aiohttp.ClientSession
    signer: SigningKey
    ops: ServiceTokens

    def buyer(self, *, straight: bool = False) -> Person:
        """A new one, who has bought nothing yet."""
        return self._person(f"buyer-{uuid4().hex[:12]}", "buyer", straight=straight)

    @property
    def admin(self) -> Person:
        return self._person("admin", "admin")

    @property
    def nobody(self) -> Person:
        return Person(self, "nobody", None)

    def _person(self, name: str, role: str, *, straight: bool = False) -> Person:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "roles": [role]}
        token = self.signer.sign(claims | {"iat": now, "exp": now + TEN_MINUTES})
        return Person(self, name, token, straight)

    async def bike(self, units: int) -> int:
        """A new bike, known to reservation too."""
        body = {"bikeNm": "시험 로드", "price": PRICE, "stockQty": units}
        added = await self.admin.ask("POST", "/stocks", body)
        assert added.status == 201, added
        await self.settle()
        bike_id: int = added.body["bikeId"]
        return bike_id

    async def status(self, name: str) -> dict[str, Any]:
        url = f"{self.shop.address(name)}/internal/status"
        async with self.http.get(
            url, headers=self.ops.headers(name, "GET", "/internal/status")
        ) as answer:
            status: dict[str, Any] = await answer.json()
            return status

    async def settle(self, seconds: float = 30) -> None:
        """Wait until nothing is on its way any more."""
        await settled(self._statuses, seconds, pause=0.25)

    async def _statuses(self) -> dict[str, dict[str, Any]]:
        return {name: await self.status(name) for name in SERVICES}

    async def eventually(
        self, person: Person, path: str, seconds: float = 5, **wanted: object
    ) -> Any:
        """Look until the body is as wanted."""

        async def look() -> Any:
            return (await person.ask("GET", path)).body

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
    """Look again and again until it is right; what was seen then."""
    end = time.monotonic() + seconds
    while not right(seen := await look()):
        assert time.monotonic() < end, f"{what}: not so within {seconds:g} s; last seen: {seen}"
        await asyncio.sleep(pause)
    return seen


@asynccontextmanager
async def visiting(shop: Shop) -> AsyncIterator[Visit]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        signer = SigningKey.from_jwk(keys.private(shop.home, keys.SIGNING).read_text())
        own = keys.private(shop.home, keys.OPS).read_text()
        yield Visit(shop, http, signer, ServiceTokens(keys.OPS, own, '{"keys": []}'))
