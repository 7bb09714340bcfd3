"""A stand-in for payment: a real HTTP server on a port, as bad as a test wants it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.ids import new_id


@dataclass(frozen=True)
class Asked:
    """One request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def reservation_id(self) -> UUID:
        return UUID(self.path.rpartition("/")[2])


Writer = asyncio.StreamWriter
Behaviour = Callable[[Asked, Writer], Awaitable[None]]


@dataclass
class Till:
    """Answers each request as `behaves` does; keeps what was asked."""

    behaves: Behaviour
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(10):
            while len(self.asked) < times:
                self.news.clear()
                await self.news.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while True:
                asked = await _read(reader)
                self.asked.append(asked)
                self.news.set()
                await self.behaves(asked, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller hung up
        finally:
            writer.close()


@asynccontextmanager
async def open_till(behaves: Behaviour, port: int = 0) -> AsyncIterator[Till]:
    till = Till(behaves)
    callers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        callers.add(task)
        await till.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=2_048)
    till.port = server.sockets[0].getsockname()[1]
    try:
        yield till
    finally:
        server.close()
        for task in callers:
            task.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


async def opens(asked: Asked, writer: Writer) -> None:
    """What payment does on a good day."""
    await _send(writer, 200, opened(asked.reservation_id))


def opened(reservation_id: UUID) -> bytes:
    answer = {"payId": new_id(), "reserveId": reservation_id, "payStatus": PaymentStatus.DUE}
    return json.dumps(answer, default=str).encode()


def opens_after(enough: asyncio.Event) -> Behaviour:
    """Lets all wait until it is told."""

    async def wait(asked: Asked, writer: Writer) -> None:
        await enough.wait()
        await opens(asked, writer)

    return wait


def answers(status: int, body: bytes = b"{}") -> Behaviour:
    async def answer(_asked: Asked, writer: Writer) -> None:
        await _send(writer, status, body)

    return answer


def says(raw: bytes) -> Behaviour:
    """Bytes that are no HTTP, or not all of it; then the end."""

    async def say(_asked: Asked, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return say


async def hangs_up(_asked: Asked, writer: Writer) -> None:
    writer.close()


async def falls_asleep(_asked: Asked, _writer: Writer) -> None:
    await asyncio.Event().wait()


def trickles(body: bytes) -> Behaviour:
    """The head in time, and then never all of the body."""

    async def trickle(_asked: Asked, writer: Writer) -> None:
        writer.write(_head(200, len(body)) + body[:1])
        await writer.drain()
        await asyncio.Event().wait()

    return trickle


async def _send(writer: Writer, status: int, body: bytes) -> None:
    writer.write(_head(status, len(body)) + body)
    await writer.drain()


def _head(status: int, length: int) -> bytes:
    lines = [f"HTTP/1.1 {status} So", "Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (li.partition(":") for li in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, body)
