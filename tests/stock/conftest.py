"""A stock service on a database of its own, and HTTP clients for it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from roadbike.kit.process.service import Service
from roadbike.stock import app, store
from roadbike.stock.domain import Allocation, Bike
from roadbike.stock.use_cases import register_bike
from tests import service_harness


class Stock(service_harness.ServiceHarness):
    """The service with direct access to its tables."""

    async def register(self, bike_id: int = 1, **fields: Any) -> Bike:
        whole = {"bike_name": "TREK Emonda", "price": 5_100_000, "stock_quantity": 2} | fields
        await self.db.transact(lambda tx: register_bike(tx, bike_id, whole, by="staff"))
        return await self.bike(bike_id)

    async def bike(self, bike_id: int = 1) -> Bike:
        async with self.db.read() as tx:
            bike = await store.BIKES.get(tx, bike_id)
        assert bike is not None
        return bike

    async def allocation(self, reservation_id: UUID) -> Allocation | None:
        async with self.db.read() as tx:
            return await store.ALLOCATIONS.get(tx, reservation_id)

    async def ledger(self, bike_id: int = 1) -> list[tuple[str, int]]:
        ledger = store.LEDGER
        statement = select(ledger).where(ledger.c.bike_id == bike_id).order_by(ledger.c.id)
        async with self.db.read() as tx:
            return [(row["why"].value, row["delta"]) for row in await tx.rows(statement)]


@dataclass(frozen=True)
class ApiClient:
    """An HTTP client of one caller."""

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
async def stock(migrated_url: Callable[..., str], dialect: str) -> AsyncIterator[Stock]:
    service = _service(migrated_url("roadbike.stock", dialect))
    yield Stock(service)
    await service.db.close()


@pytest.fixture
async def client(stock: Stock) -> AsyncIterator[httpx.AsyncClient]:
    async with service_harness.http_client(stock.service) as client:
        yield client


@pytest.fixture
def anybody(client: httpx.AsyncClient) -> ApiClient:
    return ApiClient(client, {})


@pytest.fixture
def buyer(client: httpx.AsyncClient) -> ApiClient:
    return ApiClient(client, service_harness.api_client(client, "alice", "buyer").headers)


@pytest.fixture
def admin(client: httpx.AsyncClient) -> ApiClient:
    return ApiClient(client, service_harness.api_client(client, "boss", "admin").headers)


def _service(url: str) -> Service:
    return app.build(app.Settings(**service_harness.settings("stock", url)))
