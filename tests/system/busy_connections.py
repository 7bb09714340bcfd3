"""Clients who send one request after the other, each on a connection of its own that is kept open.

Their requests are POSTs, which the gateway never repeats, and are refused for their body: so each
needs an answer of the service, and none of them depends on the database or on payment.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import aiohttp

from tests.system.shop_client import Person, Response, ShopClient, until

CONNECTIONS: Final = 30
PAUSE_SECONDS: Final = 0.1  # between two requests of one connection
REFUSED: Final = 422
GATEWAY_WAITS_MS: Final = 1_900  # for a response; an answer after that says that a service is slow


@dataclass
class Requests:
    """answered: by the service. late: the gateway gave up. cut: why others got no answer."""

    answered: int = 0
    late: int = 0
    cut: list[str] = field(default_factory=list)

    async def more(self, number: int) -> None:
        """Wait until so many more requests were answered."""
        wanted = self.answered + number

        async def look() -> int:
            return self.answered

        await until(look, lambda answered: answered >= wanted, "requests are answered", 30)

    async def send(self, person: Person) -> None:
        """Send one request, and count what becomes of it."""
        try:
            self._count(await person.request("POST", "/reservations", {"bikeId": "none"}))
        except (aiohttp.ClientError, TimeoutError) as error:
            self.cut.append(repr(error))

    def _count(self, response: Response) -> None:
        if response.status == REFUSED:
            self.answered += 1
        elif response.ms >= GATEWAY_WAITS_MS:
            self.late += 1
        else:
            self.cut.append(f"{response.status} after {response.ms:.0f} ms: {response.raw!r}")


@asynccontextmanager
async def busy_connections(client: ShopClient) -> AsyncIterator[Requests]:
    """Send requests on CONNECTIONS connections to the gateway during the block."""
    requests, over = Requests(), asyncio.Event()

    async def keep_sending(person: Person) -> None:
        while not over.is_set():
            await requests.send(person)
            await asyncio.sleep(PAUSE_SECONDS)

    async with AsyncExitStack() as open_sessions:
        sessions = [
            await open_sessions.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
            )
            for _ in range(CONNECTIONS)
        ]
        people = [replace(client, http=session).buyer() for session in sessions]
        sending = [asyncio.create_task(keep_sending(person)) for person in people]
        try:
            yield requests
        finally:
            over.set()
            await asyncio.gather(*sending)
