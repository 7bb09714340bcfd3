"""Buyers who go on reserving, whatever dies around them, and know what they were promised."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import aiohttp

from tests.system.shop_client import Answer, Person, ShopClient, until

BUYERS: Final = 6
COME_BACK: Final = {HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE}  # in progress; away, busy
BREATH: Final = 0.05  # seconds before a buyer asks again
PATIENCE: Final = 30  # seconds for the last requests to come to an end


class Load:
    """Each reservation has a key and is asked for until it is made."""

    def __init__(self, client: ShopClient, bike_id: int) -> None:
        self.client = client
        self.bike_id = bike_id
        self.acknowledged: dict[Person, set[str]] = {client.buyer(): set() for _ in range(BUYERS)}
        self.strange: list[Answer] = []  # neither made nor asked to come back
        self._closing = False

    @property
    def count(self) -> int:
        return sum(len(promised) for promised in self.acknowledged.values())

    async def more(self, number: int = 20, seconds: float = 30) -> None:
        """Wait until that many more were acknowledged."""
        wanted = self.count + number

        async def look() -> int:
            return self.count

        await until(look, lambda seen: seen >= wanted, "reservations go on", seconds)

    async def buy(self, person: Person) -> None:
        while not self._closing:
            key = uuid4().hex
            self.acknowledged[person].add(await self._insist(person, key))

    def close(self) -> None:
        """No new reservations; those begun are asked for until they are made."""
        self._closing = True

    async def _insist(self, person: Person, key: str) -> str:
        while True:
            if reserve_id := await self._try(person, key):
                return reserve_id
            await asyncio.sleep(BREATH)

    async def _try(self, person: Person, key: str) -> str | None:
        try:
            answer = await person.reserve(self.bike_id, Idempotency_Key=key)
        except (aiohttp.ClientError, TimeoutError):
            return None
        if answer.status == HTTPStatus.CREATED:
            reserve_id: str = answer.body["reserveId"]
            return reserve_id
        if answer.status not in COME_BACK and not from_a_gateway_that_starts(answer):
            self.strange.append(answer)
        return None


def from_a_gateway_that_starts(answer: Answer) -> bool:
    """Traefik listens before it has read its routes; nothing of ours answers in plain text."""
    return answer.status == HTTPStatus.NOT_FOUND and answer.raw == b"404 page not found\n"


@asynccontextmanager
async def load(client: ShopClient) -> AsyncIterator[Load]:
    """At work inside the block; at its end every reservation that was begun is made."""
    work = Load(client, await client.bike(units=1_000_000))
    buyers = [asyncio.create_task(work.buy(person)) for person in work.acknowledged]
    try:
        yield work
        work.close()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*buyers)
    finally:
        for buyer in buyers:
            buyer.cancel()


async def assert_kept(client: ShopClient, work: Load) -> None:
    """Nothing that was promised is lost, and nothing was done twice, in any service."""
    assert not work.strange, work.strange[:3]
    await client.settle()
    for person, promised in work.acknowledged.items():
        assert await reserve_ids(person, "/reservations") == promised
        assert await reserve_ids(person, "/payments") == promised
        pages = await person.all("/myPages")
        assert {page["reserveId"] for page in pages} == promised
        assert {page["stockStatus"] for page in pages} <= {"배정완료"}
    bike = await client.admin.get(f"/stocks/{work.bike_id}")
    assert bike["reserveQty"] == work.count


async def reserve_ids(person: Person, path: str) -> set[str]:
    items = await person.all(path)
    found = {item["reserveId"] for item in items}
    assert len(found) == len(items)
    return found
