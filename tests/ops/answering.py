"""A server that answers as a test asks it to, for the loads of the drills."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answering = Callable[[bytes], Awaitable[bytes]]  # the head of a request; nothing closes


def response(status: int, *more: str, body: str = "{}") -> bytes:
    """more: further header lines."""
    head = "\r\n".join((f"HTTP/1.1 {status} x", f"content-length: {len(body)}", *more, "", ""))
    return (head + body).encode()


def always(made: bytes) -> Answering:
    async def answer(_head: bytes) -> bytes:
        return made

    return answer


@asynccontextmanager
async def answering(answer: Answering) -> AsyncIterator[str]:
    """Serve, and yield the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            writer.write(made := await answer(head))
            if not made or b"connection: close" in made:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
