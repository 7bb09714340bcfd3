"""A shop in this process for a run that is recorded: its HTTP, its people, and a gateway between.

Calls between services pass the gateway, which records them, and can lose an answer on request.
"""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any, Final
from uuid import uuid4

import aiohttp
from aiohttp import web

from roadbike.contracts.identity import AUDIENCE, ISSUER, Role
from roadbike.kit.auth import SigningKey, new_signing_key
from roadbike.kit.db import Tx
from roadbike.kit.db.migrate import upgrade_async
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.process.server import Server
from roadbike.kit.urls import sqlite_url
from roadbike.serve import SHOP
from tools.docs.recorder import Recorder
from tools.docs.routes import request_line
from tools.docs.services import build, build_all, caller_keys, wire_names
from tools.docs.steps import Answered, Asked

SERVICES: Final = tuple(  # those that take part in the events
    name for name, service in build_all().items() if service.policies or service.publishes
)
OWNERS: Final = {"stocks": "stock", "myPages": "mypage", "deliveries": "delivery"}
ROLES: Final = {"buyer": Role.BUYER, "staff": Role.ADMIN}
LOST: Final = 500
REFUSED: Final = 409


@dataclass
class Reply:
    """What a person got."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass
class Stage:
    """The shop and the people in front of it."""

    http: aiohttp.ClientSession
    signer: SigningKey
    recorder: Recorder = field(init=False)
    names: dict[str, str] = field(init=False)
    urls: dict[str, str] = field(default_factory=dict)
    lose_answers: bool = False  # of calls between services: they arrive, the answer does not
    refuse_calls: bool = False  # calls between services are answered 409 and do not arrive

    async def ask(
        self,
        by: str,
        method: str,
        path: str,
        body: object = None,
        *,
        hold: bool = False,
        **headers: str,
    ) -> Reply:
        """Send one request as that person; then let the events take effect, unless `hold`."""
        first = path.split("/")[1].partition("?")[0]
        name = OWNERS.get(first, first.removesuffix("s"))
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        given["Authorization"] = f"Bearer {self._token(by)}"
        if method == "GET":  # a look changes nothing and is not recorded
            return await self._send(method, self.urls[name] + path, None, given)
        given["Content-Type"] = "application/json"
        content = None if body is None else json.dumps(body).encode()
        reply = await self._recorded(by, name, method, path, content, given)
        if not hold:
            await self.recorder.deliver()
        return reply

    async def forward(self, request: web.Request) -> web.Response:
        """Pass on a call from one service to another, its signed body byte by byte."""
        by, name = request.match_info["by"], request.match_info["name"]
        path = "/" + request.match_info["path"]
        names = {"Authorization", "Content-Type", "X-Timeout-Ms", "traceparent"}
        headers = {key: request.headers[key] for key in names & request.headers.keys()}
        reply = await self._recorded(by, name, request.method, path, await request.read(), headers)
        return web.json_response(reply.body, status=LOST if self.lose_answers else reply.status)

    def pass_time(self, by: timedelta) -> None:
        """Let the clock of every database be that much later, for what the use cases ask it."""
        for service in self.recorder.services.values():
            vars(service.db.clock)["now"] = _later(service.db.clock.now, by)

    async def _recorded(
        self,
        by: str,
        name: str,
        method: str,
        path: str,
        content: bytes | None,
        headers: dict[str, str],
    ) -> Reply:
        service = self.recorder.services[name]
        endpoint = request_line(service, self.names, method, path)
        asked = Asked(by, name, endpoint.request, endpoint.who)
        self.recorder.begin(name, asked)
        between_services = by in self.recorder.services
        if between_services and self.refuse_calls:
            reply = Reply(REFUSED, {}, {})
        else:
            reply = await self._send(method, self.urls[name] + path, content, headers)
        if between_services:
            await self.recorder.collect(name, asked)
        lost = between_services and self.lose_answers
        self.recorder.steps.append(Answered(by, name, None if lost else reply.status))
        if not between_services:
            await self.recorder.collect(name, asked)
        return reply

    async def _send(
        self, method: str, url: str, content: bytes | None, headers: dict[str, str]
    ) -> Reply:
        async with self.http.request(method, url, data=content, headers=headers) as response:
            text = await response.text()
            given = await response.json(content_type=None) if text else None
            return Reply(response.status, response.headers, given)

    def _token(self, by: str) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": by, "roles": [ROLES[by]]}
        return self.signer.sign(claims | {"iat": now, "exp": now + 600})


def _later(
    now: Callable[[Tx], Awaitable[datetime]], by: timedelta
) -> Callable[[Tx], Awaitable[datetime]]:
    async def later(tx: Tx) -> datetime:
        return await now(tx) + by

    return later


async def templates(folder: Path) -> Mapping[str, Path]:
    """Make a migrated database for each service, to be copied."""
    made = {name: folder / f"{name}.db" for name in SERVICES}
    for name, path in made.items():
        await upgrade_async(f"roadbike.{name}", sqlite_url(path))
    return made


@asynccontextmanager
async def open_stage(
    folder: Path, databases: Mapping[str, Path], **settings: str
) -> AsyncIterator[Stage]:
    """Open a shop on copies of these databases; `settings` go to every service."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        stage = Stage(http, SigningKey.from_jwk(new_signing_key("account/docs")))
        gateway = await _open_gateway(stage, stack)
        keys = {name: new_signing_key(f"{name}/docs") for name in SERVICES}
        services = {}
        for name, template in databases.items():
            path = folder / f"{name}-{uuid4().hex}.db"
            copyfile(template, path)
            environ = {
                **{f"ROADBIKE_{to.upper()}_URL": f"{gateway}/{name}/{to}" for to in SERVICES},
                "ROADBIKE_DATABASE_URL": sqlite_url(path),
                "ROADBIKE_SERVICE_KEY": keys[name],
                "ROADBIKE_CALLER_KEYS": caller_keys(keys),
                "ROADBIKE_ACCOUNT_KEYS": json.dumps({"keys": [stage.signer.public_jwk()]}),
                "ROADBIKE_SIMULATED_JOURNAL_URL": sqlite_url(folder / f"provider-{path.name}"),
                "ROADBIKE_DRAIN_MS": "0",
            }
            services[name] = build(name, environ | settings)
        stage.recorder = Recorder(services)
        stage.names = wire_names(services)
        for name in services:
            await _open_service(stage, name, stack)
        yield stage


async def _open_gateway(stage: Stage, stack: AsyncExitStack) -> str:
    app = web.Application()
    app.router.add_route("*", "/{by}/{name}/{path:.*}", stage.forward)
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


async def _open_service(stage: Stage, name: str, stack: AsyncExitStack) -> None:
    """Open its HTTP and what it needs outside; messages and timed work are the recorder's."""
    service = stage.recorder.services[name]
    stack.push_async_callback(service.db.close)
    for resource in service.resources:
        await stack.enter_async_context(resource)
    server = Server(service, f"roadbike.{name}", MemoryBroker(MemoryLog()), SHOP)
    stack.push_async_callback(server.drain, await server.listen())
    stage.urls[name] = server.url
