"""A long table as text/csv, sent in parts, so that no process holds all of it at once."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from litestar import Litestar
from litestar.connection import Request
from litestar.types import Receive, Scope, Send

from roadbike.kit.web.csv import BYTE_ORDER_MARK, CSV, Cell, csv_headers, csv_text
from roadbike.kit.web.hal import Reply

Part = Sequence[Sequence[Cell]]


class CsvFile(Reply[None]):
    """A table as a file that the browser saves. chunks: its bytes, as they come.

    An error after the first chunk closes the connection: the file is then not complete, and the
    browser says so.
    """

    def __init__(self, name: str, chunks: AsyncGenerator[bytes, None]) -> None:
        super().__init__(None)
        self._name = name
        self._chunks = chunks

    def to_asgi_response(
        self,
        app: Litestar | None,  # noqa: ARG002 Litestar's
        request: Request[Any, Any, Any],  # noqa: ARG002 Litestar's
        **_: Any,
    ) -> Any:
        """Return what sends the chunks."""
        return self._send_all

    async def _send_all(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = csv_headers(self._name) | {"Content-Type": f"{CSV}; charset=utf-8"}
        given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        async with aclosing(self._chunks) as chunks:
            first = await anext(chunks, b"")  # a failure up to here is answered as any other one
            await send({"type": "http.response.start", "status": 200, "headers": given})
            await _send_chunk(send, first)
            async for chunk in chunks:
                await _send_chunk(send, chunk)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class CsvStream(CsvFile):
    """A table as such a file. parts: its rows, some at a time."""

    def __init__(
        self, name: str, columns: Sequence[str], parts: AsyncGenerator[Part, None]
    ) -> None:
        super().__init__(name, _encoded(columns, parts))


async def _encoded(
    columns: Sequence[str], parts: AsyncGenerator[Part, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(parts):
        yield csv_text(columns, await anext(parts, ())).encode()
        async for part in parts:
            yield csv_text((), part).removeprefix(f"{BYTE_ORDER_MARK}\r\n").encode()


async def _send_chunk(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})
