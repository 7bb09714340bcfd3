"""A stock service on a database of its own, the purchases it hears of, and callers of its HTTP."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import httpx
import msgspec
import pytest
from sqlalchemy import select

from roadbike.contracts.events import (
    DeliveryCancelled,
    DeliveryReturned,
    DeliveryStarted,
    ReservationCancelled,
    ReservationRegistered,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import DeliveryStatus, ReservationStatus
from roadbike.kit.auth import ServiceTokens, SigningKey, TokenVerifier, new_signing_key
from roadbike.kit.broker import Message
from roadbike.kit.events import Event
from roadbike.kit.ids import new_id
from roadbike.kit.inbox import Inbox
from roadbike.kit.messages import load_messages
from roadbike.kit.outbox import OUTBOX
from roadbike.kit.service import Service
from roadbike.kit.settings import Secret
from roadbike.kit.web import http_app
from roadbike.stock import app, store
from roadbike.stock.domain import Allocation, Bike
from roadbike.stock.use_cases import register_bike

NOON = datetime(2026, 11, 24, 3, tzinfo=UTC)
ACCOUNT = SigningKey.from_jwk(new_signing_key("account/1"))


@dataclass(frozen=True)
class Purchase:
    """What the other services tell of one purchase."""

    bike_id: int = 1
    reservation_id: UUID = field(default_factory=new_id)
    reserve_seq: int = 1

    def registered(self) -> ReservationRegistered:
        return ReservationRegistered(
            **self._reservation(ReservationStatus.RESERVED), reserve_seq=self.reserve_seq
        )

    def cancelled(self, *, registered: bool = True) -> ReservationCancelled:
        return ReservationCancelled(
            **self._reservation(ReservationStatus.CANCELLED),
            registered=registered,
            reason=Reason.BUYER,
        )

    def started(self) -> DeliveryStarted:
        return DeliveryStarted(**self._ids(), delivery_status=DeliveryStatus.STARTED)

    def returned(self) -> DeliveryReturned:
        return DeliveryReturned(**self._ids(), delivery_status=DeliveryStatus.RETURNED)

    def closed(self) -> DeliveryCancelled:
        return DeliveryCancelled(**self._ids(), delivery_status=DeliveryStatus.CANCELLED)

    def _ids(self) -> dict[str, Any]:
        return {"reservation_id": self.reservation_id, "bike_id": self.bike_id}

    def _reservation(self, status: ReservationStatus) -> dict[str, Any]:
        return self._ids() | {
            "bike_name": "TREK Emonda",
            "user_id": "alice",
            "store_name": "분당야탑점",
            "reserved_at": NOON,
            "reservation_status": status,
            "price": 5_100_000,
            "bike_version": 1,
        }


class Stock:
    """The service as its neighbours see it: it hears, and it tells."""

    def __init__(self, service: Service) -> None:
        self.service, self.db = service, service.db
        self._inbox = Inbox(service.db, service.policies, prefetch=service.prefetch)
        self._types = {event.type_name(): event for event in service.tells}

    async def hear(self, *events: Event) -> None:
        """One batch; each message has an id of its own, as if the inbox had forgotten the last."""
        await self._inbox.take([_message(event) for event in events])

    async def told(self) -> list[Any]:
        async with self.db.read() as tx:
            rows = await tx.rows(select(OUTBOX).order_by(OUTBOX.c.seq))
        return [msgspec.json.decode(row["data"], type=self._types[row["type"]]) for row in rows]

    async def told_names(self) -> list[str]:
        return [type(event).__name__ for event in await self.told()]

    async def register(self, bike_id: int = 1, **face: Any) -> Bike:
        whole = {"bike_name": "TREK Emonda", "price": 5_100_000, "stock_quantity": 2} | face
        await self.db.run(lambda tx: register_bike(tx, bike_id, whole))
        return await self.bike(bike_id)

    async def bike(self, bike_id: int = 1) -> Bike:
        async with self.db.read() as tx:
            bike = await store.BIKES.get(tx, bike_id)
        assert bike is not None
        return bike

    async def allocation(self, purchase: Purchase) -> Allocation | None:
        async with self.db.read() as tx:
            return await store.ALLOCATIONS.get(tx, purchase.reservation_id)

    async def ledger(self, bike_id: int = 1) -> list[tuple[str, int]]:
        ledger = store.LEDGER
        statement = select(ledger).where(ledger.c.bike_id == bike_id).order_by(ledger.c.id)
        async with self.db.read() as tx:
            return [(row["why"].value, row["delta"]) for row in await tx.rows(statement)]


@pytest.fixture
def stock_url(migrated_url: Callable[..., str], dialect: Literal["postgresql", "sqlite"]) -> str:
    return migrated_url("roadbike.stock", dialect)


@pytest.fixture
async def stock(stock_url: str) -> AsyncIterator[Stock]:
    service = app.build(_settings(stock_url))
    yield Stock(service)
    await service.db.close()


@pytest.fixture
async def postgres_stock(migrated_url: Callable[..., str]) -> AsyncIterator[Stock]:
    service = app.build(_settings(migrated_url("roadbike.stock")))
    yield Stock(service)
    await service.db.close()


@pytest.fixture
def purchase() -> type[Purchase]:
    return Purchase


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser: asks, and is answered."""

    client: httpx.AsyncClient
    headers: Mapping[str, str]

    async def ask(
        self, method: str, path: str, body: object = None, *, if_match: str | None = None
    ) -> Any:
        headers = dict(self.headers)
        if if_match is not None:
            headers["If-Match"] = if_match
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        return await self.client.request(method, path, content=content, headers=headers)


@pytest.fixture
async def client(stock: Stock) -> AsyncIterator[httpx.AsyncClient]:
    """The real app; only the way to account is short."""
    service = stock.service
    edge: Any = http_app(
        name=service.name,
        routes=service.routes,
        tokens=TokenVerifier(service.db, "http://account.invalid", fetch=_account_keys),
        services=ServiceTokens("stock", service.settings.service_key.reveal(), '{"keys": []}'),
        messages=load_messages("roadbike.kit", "roadbike.contracts"),
        status=_no_figures,
        ready=lambda: True,
    )
    transport = httpx.ASGITransport(edge)
    async with httpx.AsyncClient(transport=transport, base_url="http://stock") as client:
        yield client


@pytest.fixture
def anybody(client: httpx.AsyncClient) -> Visitor:
    return Visitor(client, {})


@pytest.fixture
def buyer(client: httpx.AsyncClient) -> Visitor:
    return Visitor(client, {"Authorization": f"Bearer {_token('alice', ['buyer'])}"})


@pytest.fixture
def admin(client: httpx.AsyncClient) -> Visitor:
    return Visitor(client, {"Authorization": f"Bearer {_token('boss', ['admin'])}"})


def _settings(url: str) -> app.Settings:
    return app.Settings(
        port=0,
        database_url=Secret(url),
        broker_url=Secret("memory://"),
        account_url="http://account.invalid",
        service_key=Secret(new_signing_key("stock/1")),
    )


def _message(event: Event) -> Message:
    return Message(
        event_id=new_id(),
        type=event.type_name(),
        source="test",
        topic=event.topic,
        key=event.key,
        time=NOON,
        traceparent=None,
        data=msgspec.json.encode(event),
    )


def _token(user_id: str, roles: Sequence[str]) -> str:
    now = int(time.time())
    claims = {"iss": "roadbike-account", "aud": "shop", "sub": user_id, "roles": roles}
    return ACCOUNT.sign(claims | {"iat": now, "exp": now + 600})


async def _account_keys(_url: str) -> str:
    return json.dumps({"keys": [ACCOUNT.public_jwk()]})


async def _no_figures() -> Mapping[str, object]:
    return {}
