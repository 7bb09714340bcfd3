"""A fake payment service: a real HTTP server that answers, or fails, as a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.ids import new_id

LIST = "/internal/payments"


@dataclass(frozen=True)
class Asked:
    """One request that was received; of a request with a list, what it asks for one payment."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def reservation_id(self) -> UUID:
        return UUID(self.path.rpartition("/")[2])

    def each(self) -> "list[Asked]":
        """Return the request itself, or for each payment of a list what would ask for it alone."""
        if self.path != LIST:
            return [self]
        bodies: list[dict[str, object]] = json.loads(self.body)["payments"]
        return [
            replace(self, path=f"{LIST}/{body.pop('reserveId')}", body=json.dumps(body).encode())
            for body in bodies
        ]


Writer = asyncio.StreamWriter
Behaviour = Callable[[Asked, Writer], Awaitable[None]]


@dataclass
class FakePayment:
    """Answers each request as `behaviour` does.

    asked: what was asked for each payment, alone or in a list. calls: the requests themselves.
    """

    behaviour: Behaviour
    asked: list[Asked] = field(default_factory=list)
    calls: list[Asked] = field(default_factory=list)
    port: int = 0
    received: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def until_asked(self, times: int) -> None:
        """Wait until so many payments were asked for since the start."""
        async with asyncio.timeout(10):
            while len(self.asked) < times:
                self.received.clear()
                await self.received.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while True:
                asked = await _read(reader)
                self.calls.append(asked)
                self.asked += asked.each()
                self.received.set()
                await self.behaviour(asked, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller closed the connection
        finally:
            writer.close()


@asynccontextmanager
async def open_fake_payment(behaviour: Behaviour, port: int = 0) -> AsyncIterator[FakePayment]:
    payment = FakePayment(behaviour)
    callers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        callers.add(task)
        await payment.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=2_048)
    payment.port = server.sockets[0].getsockname()[1]
    try:
        yield payment
    finally:
        server.close()
        for task in callers:
            task.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


async def opens(asked: Asked, writer: Writer) -> None:
    """Open the payment, or all payments of a list, as the real service does."""
    if asked.path == LIST:
        await _send(writer, 200, all_opened(asked))
    else:
        await _send(writer, 200, opened(asked.reservation_id))


def opened(reservation_id: UUID) -> bytes:
    """Return the body that says that the payment of this reservation is open."""
    answer = {"payId": new_id(), "reserveId": reservation_id, "payStatus": PaymentStatus.DUE}
    return json.dumps(answer, default=str).encode()


def all_opened(asked: Asked, others: Mapping[UUID, int] | None = None) -> bytes:
    """Return the body that answers a list. others: the statuses of those that are not opened."""
    statuses = {one.reservation_id: 200 for one in asked.each()} | dict(others or {})
    answers = [{"reserveId": str(id_), "status": status} for id_, status in statuses.items()]
    return json.dumps({"payments": answers}).encode()


def opens_but(others: Mapping[UUID, int]) -> Behaviour:
    """Open all payments of a list but some, which get these statuses."""

    async def answer(asked: Asked, writer: Writer) -> None:
        await _send(writer, 200, all_opened(asked, others))

    return answer


def knows_no_lists(behaviour: Behaviour, status: int = 404) -> Behaviour:
    """Refuse lists, as an older payment does; do something else with requests for one payment."""

    async def answer(asked: Asked, writer: Writer) -> None:
        await (answers(status) if asked.path == LIST else behaviour)(asked, writer)

    return answer


def opens_after(released: asyncio.Event) -> Behaviour:
    """Open each payment once the event is set."""

    async def wait(asked: Asked, writer: Writer) -> None:
        await released.wait()
        await opens(asked, writer)

    return wait


def answers(status: int, body: bytes = b"{}") -> Behaviour:
    async def answer(_asked: Asked, writer: Writer) -> None:
        await _send(writer, status, body)

    return answer


def sends(raw: bytes) -> Behaviour:
    """Send these bytes instead of a response, then close the connection."""

    async def send(_asked: Asked, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return send


async def hangs_up(_asked: Asked, writer: Writer) -> None:
    writer.close()


async def never_answers(_asked: Asked, _writer: Writer) -> None:
    await asyncio.Event().wait()


def sends_one_byte_of(body: bytes) -> Behaviour:
    """Send the head of a response and one byte of its body, and then nothing more."""

    async def send(_asked: Asked, writer: Writer) -> None:
        writer.write(_head(200, len(body)) + body[:1])
        await writer.drain()
        await asyncio.Event().wait()

    return send


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
