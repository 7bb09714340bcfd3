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


class CsvStream(Reply[None]):
    """A table as a file that the browser saves. parts: its rows, some at a time.

    An error after the first part closes the connection: the file is then not complete, and the
    browser says so.
    """

    def __init__(
        self, name: str, columns: Sequence[str], parts: AsyncGenerator[Part, None]
    ) -> None:
        super().__init__(None)
        self._name = name
        self._columns = columns
        self._parts = parts

    def to_asgi_response(
        self,
        app: Litestar | None,  # noqa: ARG002 Litestar's
        request: Request[Any, Any, Any],  # noqa: ARG002 Litestar's
        **_: Any,
    ) -> Any:
        """Return what sends the parts."""
        return self._send_all

    async def _send_all(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = csv_headers(self._name) | {"Content-Type": f"{CSV}; charset=utf-8"}
        given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        async with aclosing(self._parts) as parts:
            first = await anext(parts, ())  # a failure up to here is answered as any other one
            await send({"type": "http.response.start", "status": 200, "headers": given})
            await _send_part(send, csv_text(self._columns, first))
            async for part in parts:
                await _send_part(send, _without_head(part))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_part(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _without_head(rows: Part) -> str:
    return csv_text((), rows).removeprefix(f"{BYTE_ORDER_MARK}\r\n")
