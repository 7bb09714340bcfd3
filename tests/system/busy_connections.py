"""Buyers who reserve without a pause, each on a connection of its own that is kept open."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import aiohttp

from tests.system.shop_client import Person, Response, ShopClient, until

CONNECTIONS: Final = 30
PAUSE_SECONDS: Final = 0.1  # between two requests of one connection
OF_THE_GATEWAY: Final = "/problems/unavailable"  # it got no answer from a service


@dataclass
class Requests:
    """What was answered. cut: requests without an answer of the service, and why."""

    answered: Counter[int] = field(default_factory=Counter)
    cut: list[str] = field(default_factory=list)

    async def more(self, number: int) -> None:
        """Wait until so many more reservations were made."""
        wanted = self.answered[HTTPStatus.CREATED] + number

        async def look() -> int:
            return self.answered[HTTPStatus.CREATED]

        await until(look, lambda made: made >= wanted, "reservations go on", 30)

    async def send(self, person: Person, bike_id: int) -> None:
        try:
            response = await person.reserve(bike_id, Idempotency_Key=uuid4().hex)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.cut.append(repr(error))
            return
        if is_of_the_gateway(response):
            self.cut.append(response.raw.decode())
        self.answered[response.status] += 1


def is_of_the_gateway(response: Response) -> bool:
    unavailable = response.status == HTTPStatus.SERVICE_UNAVAILABLE
    return unavailable and response.body["type"] == OF_THE_GATEWAY


@asynccontextmanager
async def busy_connections(client: ShopClient, bike_id: int) -> AsyncIterator[Requests]:
    """Reserve on CONNECTIONS connections to the gateway during the block."""
    requests, over = Requests(), asyncio.Event()

    async def buy(person: Person) -> None:
        while not over.is_set():
            await requests.send(person, bike_id)
            await asyncio.sleep(PAUSE_SECONDS)

    async with AsyncExitStack() as open_sessions:
        sessions = [
            await open_sessions.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
            )
            for _ in range(CONNECTIONS)
        ]
        buyers = [replace(client, http=session).buyer() for session in sessions]
        buying = [asyncio.create_task(buy(buyer)) for buyer in buyers]
        try:
            yield requests
        finally:
            over.set()
            await asyncio.gather(*buying)
