"""The app of these tests behind a real port, and bytes sent to it as no client library would."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from roadbike.kit.process.http_server import UvicornServer, uvicorn_config
from roadbike.kit.process.settings import ServiceSettings
from tests.service_harness import settings

READ_SECONDS = 0.4
PATIENCE = 10  # seconds; on an idle machine everything takes less than one
GET = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass
class Port:
    """A service's port. uvicorn: the server behind it."""

    number: int
    uvicorn: UvicornServer

    async def connect(self, **more: Any) -> "Line":
        return Line(*await asyncio.open_connection("127.0.0.1", self.number, **more))

    @property
    def connections(self) -> int:
        return len(self._open)

    @property
    def has_begun(self) -> bool:
        """Return whether the first data of the only connection were read."""
        return [bool(getattr(each, "url", b"")) for each in self._open] == [True]

    @property
    def _open(self) -> set[Any]:
        return self.uvicorn.server_state.connections

    async def until_connected(self, count: int) -> None:
        await until(lambda: self.connections == count)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 what it waits for lies in the server
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served(app: Any, *, keep_alive: float = 5, **chosen: Any) -> AsyncIterator[Port]:
    """Serve the app as a service does, with these settings. keep_alive: seconds."""
    given = settings("thing", "sqlite+aiosqlite://") | {"read_timeout_seconds": READ_SECONDS}
    config = uvicorn_config(app, ServiceSettings(**given | chosen), tls=None)
    config.timeout_keep_alive = keep_alive  # type: ignore[assignment]
    uvicorn = UvicornServer(config)
    serving = asyncio.create_task(uvicorn.serve())
    await uvicorn.listening.wait()
    try:
        yield Port(uvicorn.servers[0].sockets[0].getsockname()[1], uvicorn)
    finally:
        uvicorn.should_exit = uvicorn.force_exit = True
        await serving


@dataclass
class Line:
    """A connection. What it reads it returns as latin-1, so that no byte is an error."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, data: bytes) -> str:
        """Send, and return everything until the server closes the connection."""
        await self.send(data)
        return await self.rest()

    async def response(self) -> str:
        """Return the next response: its head and, by its length, its body."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
            return head + (await self.reader.readexactly(length)).decode()

    async def rest(self) -> str:
        """Return everything until the server closes the connection."""
        received = b""
        async with asyncio.timeout(PATIENCE):
            try:
                while part := await self.reader.read(65_536):
                    received += part
            except ConnectionError:
                pass  # it was closed before the server had read everything
        return received.decode("latin-1")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
