"""The whole shop in one process: real databases, real HTTP, the broker in memory."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Self, TypeVar
from uuid import uuid4

import aiohttp

from roadbike.contracts.identity import AUDIENCE, ISSUER
from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.db import Database
from roadbike.kit.messaging.broker import TopicOptions, connect
from roadbike.kit.messaging.broker.memory import MemoryLog, log_named
from roadbike.kit.process.broker import connected
from roadbike.kit.process.server import Server, running
from roadbike.kit.process.settings import read
from roadbike.kit.pure.idle import CLIENT_IDLE_SECONDS
from roadbike.local.services import SERVICES as SPECS
from roadbike.local.services import topics
from roadbike.serve import SHOP
from tests.settling import wait_until_settled

T = TypeVar("T")

SERVICES: Final = ("stock", "payment", "reservation", "delivery", "mypage")  # callees first
DATABASES: Final = {spec.name: spec.database for spec in SPECS}
TOPICS: Final = TopicOptions(replication=1, min_in_sync=1)  # on Kafka, if it is used
TOKEN_SECONDS: Final = 600  # the longest life that services accept

Url = Callable[[str], str]  # the URL of a migrated database for that service


@dataclass
class Response:
    """A response of the shop."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass
class Person:
    """A client with the access token of one person, or without a token."""

    shop: "Shop"
    token: str | None

    async def request(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        url = self.shop.url_of(path) + path
        async with self.shop.http.request(
            method, url, json=body, headers=sent, ssl=self.shop.tls or True
        ) as response:
            return Response(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Response:
        return await self.request("GET", path, **headers)

    async def post(self, path: str, body: object, **headers: str) -> Response:
        return await self.request("POST", path, body, **headers)

    async def reserve(self, bike_id: int = 1, **more: Any) -> Response:
        return await self.post("/reservations", {"bikeId": bike_id, **more})


@dataclass
class Shop:
    """The services by name. `signer` signs access tokens in place of account."""

    http: aiohttp.ClientSession
    url: Url
    broker_url: str
    log: MemoryLog  # of the broker at that URL; it can be unavailable, repeat, reorder
    signer: SigningKey
    keys: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    stacks: dict[str, AsyncExitStack] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None  # verifies the services when they serve HTTPS

    def person(self, user_id: str, *roles: str) -> Person:
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": user_id, "roles": list(roles)}
        now = int(time.time())
        return Person(self, self.signer.sign(claims | {"iat": now, "exp": now + TOKEN_SECONDS}))

    @property
    def admin(self) -> Person:
        return self.person("admin", "admin")

    def url_of(self, path: str) -> str:
        first = path.split("/")[1].split("?", maxsplit=1)[0]
        owner = {"stocks": "stock", "myPages": "mypage", "deliveries": "delivery"}
        return self.servers[owner.get(first, first.removesuffix("s"))].url

    def db(self, name: str) -> Database:
        return self.servers[name].service.db

    async def start(self, name: str, **settings: str) -> None:
        """Start one service, or start it again on the same database and port."""
        stack = AsyncExitStack()
        module = import_module(f"roadbike.{name}.app")
        chosen = read(module.Settings, self.environ(name) | settings)
        service, broker = module.build(chosen), connected(chosen, name)
        stack.push_async_callback(broker.close)
        running_ = running(service, f"roadbike.{name}", broker, SHOP)
        self.servers[name] = await stack.enter_async_context(running_)
        self.stacks[name] = stack
        self.ports[name] = int(self.servers[name].url.rpartition(":")[2])

    async def stop(self, name: str) -> None:
        await self.stacks.pop(name).aclose()
        del self.servers[name]

    async def restart(self, name: str, **settings: str) -> None:
        await self.stop(name)
        await self.start(name, **settings)

    async def status(self, name: str) -> dict[str, Any]:
        ops = ServiceTokens("ops", self.keys["ops"], '{"keys": []}')
        url = f"{self.servers[name].url}/internal/status"
        headers = ops.headers(name, "GET", "/internal/status")
        async with self.http.get(url, headers=headers, ssl=self.tls or True) as response:
            status: dict[str, Any] = await response.json()
            return status

    async def settle(self, seconds: float = 30) -> None:
        """Wait until no service has anything left to do."""
        await wait_until_settled(self._statuses, seconds, pause=0.1)

    async def _statuses(self) -> dict[str, dict[str, Any]]:
        for name, server in self.servers.items():
            assert not server.runtime.failed.is_set(), f"a background task of {name} has ended"
        return {name: await self.status(name) for name in self.servers}

    def environ(self, name: str) -> dict[str, str]:
        """Return the settings of a service; those of `start` come on top of them."""
        public = [
            SigningKey.from_jwk(self.keys[who]).public_jwk() for who in ("ops", "reservation")
        ]
        environ = {
            "ROADBIKE_PORT": str(self.ports.get(name, 0)),
            "ROADBIKE_DATABASE_URL": self.url(name),
            "ROADBIKE_BROKER_URL": self.broker_url,
            "ROADBIKE_ACCOUNT_URL": "http://127.0.0.1:9",
            "ROADBIKE_ACCOUNT_KEYS": json.dumps({"keys": [self.signer.public_jwk()]}),
            "ROADBIKE_SERVICE_KEY": self.keys[name],
            "ROADBIKE_CALLER_KEYS": json.dumps({"keys": public}),
            "ROADBIKE_DRAIN_MS": "0",
            "ROADBIKE_SIMULATED_JOURNAL_URL": self.url("provider"),
        }
        if "payment" in self.ports:
            environ["ROADBIKE_PAYMENT_URL"] = f"http://127.0.0.1:{self.ports['payment']}"
        return environ

    async def __aenter__(self) -> Self:
        self.keys = {who: new_signing_key(f"{who}/flow") for who in (*DATABASES, "ops")}
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*[self.stop(name) for name in list(self.stacks)])


@asynccontextmanager
async def open_shop(url: Url, services: Sequence[str], broker_url: str = "") -> AsyncIterator[Shop]:
    """Start these services on the databases that `url` gives.

    broker_url: of another broker than one in memory; then the switches of `log` do nothing.
    """
    signer = SigningKey.from_jwk(new_signing_key("account/flow"))
    name = uuid4().hex
    used = broker_url or f"memory://{name}"
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=CLIENT_IDLE_SECONDS)
        ) as http,
        Shop(http, url, used, log_named(name), signer) as shop,
    ):
        await _set_up(used)
        for service in services:
            await shop.start(service)
        yield shop


async def _set_up(broker_url: str) -> None:
    broker = connect(broker_url, "set-up", topics=TOPICS)
    try:
        async with asyncio.timeout(30):
            while not broker.connected:  # noqa: ASYNC110  adapters have no event for it
                await asyncio.sleep(0.01)
        await broker.set_up(topics())
    finally:
        await broker.close()


async def until(
    look: Callable[[], Awaitable[T | None]], *, seconds: float = 45, every: float = 0.02
) -> T:
    """Call `look` every few seconds until it returns a true value; return that value."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):  # noqa: ASYNC110 the change is in a database
            await asyncio.sleep(every)
        return found
