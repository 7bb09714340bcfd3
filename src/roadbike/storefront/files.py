"""A file that another service makes, passed on to the browser while it arrives."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar import Litestar
from litestar.connection import Request
from litestar.types import Receive, Scope, Send

from roadbike.kit.web import Reply
from roadbike.kit.web.csv import CSV, csv_headers


class TableReply(Reply[None]):
    """A table that the browser saves. first: its beginning, which was read to see that it comes."""

    def __init__(self, name: str, first: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        super().__init__(None)
        self._name = name
        self._first = first
        self._rest = rest

    def to_asgi_response(
        self,
        app: Litestar | None,  # noqa: ARG002 Litestar's
        request: Request[Any, Any, Any],  # noqa: ARG002 Litestar's
        **_: Any,
    ) -> Any:
        """Return what passes the file on."""
        return self._send_all

    async def _send_all(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = csv_headers(self._name) | {"Content-Type": f"{CSV}; charset=utf-8"}
        given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": given})
        await _send_part(send, self._first)
        async with aclosing(self._rest) as parts:
            async for part in parts:
                await _send_part(send, part)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})
