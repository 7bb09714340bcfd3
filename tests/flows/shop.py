"""The whole shop in one process: real databases, real HTTP, the broker in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Self
from uuid import uuid4

import aiohttp

from roadbike.kit.auth import AUDIENCE, ISSUER, ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.auth.store import keep_keys
from roadbike.kit.broker import connect
from roadbike.kit.db import Database
from roadbike.kit.server import Server, running
from roadbike.kit.settings import read

SERVICES: Final = ("stock", "payment", "reservation", "delivery", "mypage")  # callees first
QUIET: Final = ("outbox", "lag", "parked", "intents", "unsettled")
FAR_AWAY: Final = 4_000_000_000  # seconds since 1970

Url = Callable[[str], str]  # of a migrated database for a service


@dataclass
class Answer:
    """What the shop said."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass
class Person:
    """Somebody with a token, or nobody without."""

    shop: "Shop"
    token: str | None

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            given["Authorization"] = f"Bearer {self.token}"
        url = self.shop.url_of(path) + path
        async with self.shop.http.request(method, url, json=body, headers=given) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: object, **headers: str) -> Answer:
        return await self.ask("POST", path, body, **headers)

    async def reserve(self, bike_id: int = 1, **more: Any) -> Answer:
        return await self.post("/reservations", {"bikeId": bike_id, **more})


@dataclass
class Shop:
    """Its services by name, each with a key pair; `signer` stands for account."""

    http: aiohttp.ClientSession
    url: Url
    broker_url: str
    signer: SigningKey
    keys: dict[str, str] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    stacks: dict[str, AsyncExitStack] = field(default_factory=dict)

    def person(self, user_id: str, *roles: str) -> Person:
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": user_id, "roles": list(roles)}
        return Person(self, self.signer.sign(claims | {"iat": 0, "exp": FAR_AWAY}))

    @property
    def admin(self) -> Person:
        return self.person("admin", "admin")

    def url_of(self, path: str) -> str:
        first = path.split("/")[1].split("?")[0]
        owner = {"stocks": "stock", "myPages": "mypage", "deliveries": "delivery"}
        return self.servers[owner.get(first, first.removesuffix("s"))].url

    async def start(self, name: str, **settings: str) -> None:
        """Start one service, or start it again on the same database."""
        stack = AsyncExitStack()
        module = import_module(f"roadbike.{name}.app")
        service = module.build(read(module.Settings, self._environ(name) | settings))
        await _know_signer(service.db, self.signer)
        broker = connect(self.broker_url, name)
        stack.push_async_callback(broker.close)
        running_ = running(service, f"roadbike.{name}", broker)
        self.servers[name] = await stack.enter_async_context(running_)
        self.stacks[name] = stack

    async def stop(self, name: str) -> None:
        await self.stacks.pop(name).aclose()
        del self.servers[name]

    async def status(self, name: str) -> dict[str, Any]:
        ops = ServiceTokens("ops", self.keys["ops"], '{"keys": []}')
        url = f"{self.servers[name].url}/internal/status"
        async with self.http.get(url, headers=ops.headers(name)) as response:
            status: dict[str, Any] = await response.json()
            return status

    async def settle(self, seconds: float = 30) -> None:
        """Wait until nothing is on its way any more, seen twice in a row."""
        async with asyncio.timeout(seconds):
            quiet = 0
            while quiet < 2:
                quiet = quiet + 1 if await self._is_quiet() else 0
                await asyncio.sleep(0.05)

    async def _is_quiet(self) -> bool:
        for name in self.servers:
            status = await self.status(name)
            if any(status.get(figure, 0) != 0 for figure in QUIET):
                return False
        return True

    def _environ(self, name: str) -> dict[str, str]:
        public = [
            SigningKey.from_jwk(self.keys[who]).public_jwk() for who in ("ops", "reservation")
        ]
        environ = {
            "ROADBIKE_PORT": "0",
            "ROADBIKE_DATABASE_URL": self.url(name),
            "ROADBIKE_BROKER_URL": self.broker_url,
            "ROADBIKE_ACCOUNT_URL": "http://127.0.0.1:9",
            "ROADBIKE_SERVICE_KEY": self.keys[name],
            "ROADBIKE_CALLER_KEYS": json.dumps({"keys": public}),
            "ROADBIKE_DRAIN_MS": "0",
            "ROADBIKE_SIMULATED_JOURNAL_URL": self.url("provider"),
        }
        if "payment" in self.servers:
            environ["ROADBIKE_PAYMENT_URL"] = self.servers["payment"].url
        return environ

    async def __aenter__(self) -> Self:
        self.keys = {who: new_signing_key(f"{who}/flow") for who in (*SERVICES, "ops")}
        for name in SERVICES:
            await self.start(name)
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in list(self.stacks):
            await self.stop(name)


@asynccontextmanager
async def open_shop(url: Url) -> AsyncIterator[Shop]:
    """A shop whose databases are those of `url`."""
    signer = SigningKey.from_jwk(new_signing_key("account/flow"))
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        Shop(http, url, f"memory://{uuid4().hex}", signer) as shop,
    ):
        yield shop


async def _know_signer(db: Database, signer: SigningKey) -> None:
    jwk = signer.public_jwk()
    async with db.begin() as tx:
        await keep_keys(tx, {jwk["kid"]: jwk})
