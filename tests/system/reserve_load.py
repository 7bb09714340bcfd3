"""Buyers who reserve without a pause while parts of the shop are killed, and count each 201."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import uuid4

import aiohttp

from tests.system.shop_client import Person, Response, ShopClient, until

BUYERS: Final = 6
RETRY: Final = {HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE}  # in progress; stopped, busy
PAUSE_SECONDS: Final = 0.05  # before a retry
END_SECONDS: Final = 30  # for the last requests


L = TypeVar("L", bound="Load")


class Load:
    """Each request has a key and is repeated until it is answered with 201."""

    def __init__(self, client: ShopClient, bike_id: int) -> None:
        self.client = client
        self.bike_id = bike_id
        self.acknowledged: dict[Person, set[str]] = {client.buyer(): set() for _ in range(BUYERS)}
        self.unexpected: list[Response] = []  # neither 201 nor one that allows a retry
        self._closing = False

    @property
    def count(self) -> int:
        return sum(len(reserve_ids) for reserve_ids in self.acknowledged.values())

    async def more(self, number: int = 20, seconds: float = 30) -> None:
        """Wait until so many more reservations were acknowledged."""
        wanted = self.count + number

        async def look() -> int:
            return self.count

        await until(look, lambda seen: seen >= wanted, "reservations go on", seconds)

    async def buy(self, person: Person) -> None:
        while not self._closing:
            key = uuid4().hex
            self.acknowledged[person].add(await self._retry(person, key))

    def close(self) -> None:
        """Start no new requests; those that were started are repeated until they succeed."""
        self._closing = True

    async def _retry(self, person: Person, key: str) -> str:
        while True:
            if reserve_id := await self._try(person, key):
                return reserve_id
            await asyncio.sleep(PAUSE_SECONDS)

    async def _try(self, person: Person, key: str) -> str | None:
        try:
            response = await person.reserve(self.bike_id, Idempotency_Key=key)
        except (aiohttp.ClientError, TimeoutError):
            return None
        if response.status == HTTPStatus.CREATED:
            reserve_id: str = response.body["reserveId"]
            return reserve_id
        if response.status not in RETRY and not is_from_a_starting_gateway(response):
            self.unexpected.append(response)
        return None


def is_from_a_starting_gateway(response: Response) -> bool:
    """Return whether Traefik answered before it had read its routes; our 404s are JSON."""
    return response.status == HTTPStatus.NOT_FOUND and response.raw == b"404 page not found\n"


@asynccontextmanager
async def load(client: ShopClient, kind: type[L] = Load) -> AsyncIterator[L]:  # type: ignore[assignment] mypy 9156: a default for a type variable
    """Reserve inside the block; at its end, wait until every request has succeeded."""
    work = kind(client, await client.bike(units=1_000_000))
    buyers = [asyncio.create_task(work.buy(person)) for person in work.acknowledged]
    try:
        yield work
        work.close()
        async with asyncio.timeout(END_SECONDS):
            await asyncio.gather(*buyers)
    finally:
        for buyer in buyers:
            buyer.cancel()


async def assert_nothing_lost(client: ShopClient, work: Load) -> None:
    """Check that no service lost an acknowledged reservation or has one twice."""
    assert not work.unexpected, work.unexpected[:3]
    await client.settle()
    for person, acknowledged in work.acknowledged.items():
        assert await reserve_ids(person, "/reservations") == acknowledged
        assert await reserve_ids(person, "/payments") == acknowledged
        pages = await person.all("/myPages")
        assert {page["reserveId"] for page in pages} == acknowledged
        assert {page["stockStatus"] for page in pages} <= {"배정완료"}
    bike = await client.admin.get(f"/stocks/{work.bike_id}")
    assert bike["reserveQty"] == work.count


async def reserve_ids(person: Person, path: str) -> set[str]:
    items = await person.all(path)
    found = {item["reserveId"] for item in items}
    assert len(found) == len(items)
    return found
