"""A service on a real database without a broker: tests give it events and read its outbox."""

import json
import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from httpx import ASGITransport, AsyncClient, Auth, Request, Response
from sqlalchemy import event as database_event
from sqlalchemy import select

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.process.access_tokens import token_verifier
from roadbike.kit.process.internal_tokens import service_tokens
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.service import Service
from roadbike.kit.pure.events import Event
from roadbike.kit.translations import load_translations
from roadbike.kit.web import http_app
from roadbike.serve import SHOP

FIRST: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)  # time of the first event
ACCOUNT: Final = SigningKey.from_jwk(new_signing_key("account/1"))


class ServiceHarness:
    """A service with its inbox and outbox. The outbox is not sent anywhere."""

    def __init__(self, service: Service) -> None:
        self.service, self.db = service, service.db
        self._inbox = Inbox(service.db, service.policies, prefetch=service.prefetch)
        self._types = {event.type_name(): event for event in service.publishes}

    async def consume(self, *events: Event) -> None:
        """Consume the events as one batch.

        Each call makes messages with new ids, so that the inbox does not skip repeated events.
        """
        times = [FIRST + timedelta(seconds=number) for number in range(len(events))]
        await self.consume_messages(
            [message(event, time) for event, time in zip(events, times, strict=True)]
        )

    async def consume_messages(self, messages: Sequence[Message]) -> None:
        await self._inbox.consume(messages)

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collect the SQL statements that the service executes inside the block."""
        executed: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            executed.append(statement)

        database_event.listen(self.db.engine.sync_engine, "before_cursor_execute", note)
        yield executed
        database_event.remove(self.db.engine.sync_engine, "before_cursor_execute", note)

    async def published(self) -> list[Any]:
        """Return all events in the outbox, oldest first."""
        async with self.db.read() as tx:
            rows = await tx.rows(select(OUTBOX).order_by(OUTBOX.c.seq))
        return [msgspec.json.decode(row["data"], type=self._types[row["type"]]) for row in rows]

    async def published_types(self) -> list[str]:
        return [type(event).__name__ for event in await self.published()]


def message(event: Event, time: datetime = FIRST) -> Message:
    """Wrap the event in a message with a new id, as the broker would deliver it."""
    return Message(
        event_id=new_id(),
        type=event.type_name(),
        source=event.source,
        topic=event.topic,
        key=event.key,
        time=time,
        traceparent=None,
        data=msgspec.json.encode(event),
    )


def settings(name: str, url: str) -> dict[str, Any]:
    """Return the settings that all services have in common, for a database URL."""
    return {
        "port": 0,
        "drain_ms": 0,
        "database_url": Secret(url),
        "broker_url": Secret("memory://test"),
        "account_url": "http://account.invalid",
        "account_keys": json.dumps({"keys": [ACCOUNT.public_jwk()]}),
        "service_key": Secret(new_signing_key(f"{name}/1")),
    }


@dataclass(frozen=True)
class ApiClient:
    """An HTTP client that sends the same headers with every request; `auth` adds others."""

    client: AsyncClient
    headers: Mapping[str, str]
    auth: Auth | None = None

    async def get(self, path: str) -> Any:
        return await self.client.get(path, headers=dict(self.headers))

    async def patch(self, path: str, body: object) -> Any:
        headers = dict(self.headers) | {"Content-Type": "application/json"}
        content = json.dumps(body).encode()
        return await self.client.patch(path, content=content, headers=headers)


class Signed(Auth):
    """Signs each request as a service signs its internal calls to `callee`."""

    requires_request_body = True

    def __init__(self, tokens: ServiceTokens, callee: str) -> None:
        self.tokens, self.callee = tokens, callee

    def auth_flow(self, request: Request) -> Generator[Request, Response, None]:
        request.headers.update(
            self.tokens.headers(self.callee, request.method, request.url.path, request.content)
        )
        yield request


@asynccontextmanager
async def http_client(service: Service) -> AsyncIterator[AsyncClient]:
    """Serve the real app in this event loop."""
    app: Any = http_app(
        title=service.name,
        routes=service.routes,
        tokens=token_verifier(service, SHOP),
        services=service_tokens(service.name, service.settings),
        translations=load_translations("roadbike.kit", "roadbike.contracts"),
        status=_no_figures,
        ready=lambda: True,
    )
    transport = ASGITransport(app)  # in this event loop: the database connections belong to it
    async with AsyncClient(transport=transport, base_url="http://shop.invalid") as client:
        yield client


def api_client(client: AsyncClient, user_id: str, role: str) -> ApiClient:
    """Return a client with an access token of that user."""
    now = int(time.time())
    claims = {"iss": "roadbike-account", "aud": "shop", "sub": user_id, "roles": [role]}
    token = ACCOUNT.sign(claims | {"iat": now, "exp": now + 600})
    return ApiClient(client, {"Authorization": f"Bearer {token}"})


async def _no_figures() -> Mapping[str, object]:
    return {}
