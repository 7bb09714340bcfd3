"""Server-sent events: an answer that goes on until the browser leaves or the process stops."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, Final

import structlog
from litestar import Litestar
from litestar.connection import Request
from litestar.types import Receive, Scope, Send

from roadbike.kit.pure.refusals import BadRequest
from roadbike.kit.web import Reply

log = structlog.get_logger()

HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


def event(name: str, data: str, id_: object = "") -> bytes:
    """Return one event; line breaks in the data become several lines of it."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    head = f"id: {id_}\n" if id_ != "" else ""
    return f"{head}event: {name}\n{lines}\n".encode()


def retry(milliseconds: int) -> bytes:
    """Return the wish that the browser waits so long before it connects again."""
    return f"retry: {milliseconds}\n\n".encode()


ALIVE: Final = b": alive\n\n"


class EventStream(Reply[None]):
    """An answer made of events, while there are any."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(None)
        self._events = events

    def to_asgi_response(
        self,
        app: Litestar | None,  # noqa: ARG002 Litestar's
        request: Request[Any, Any, Any],  # noqa: ARG002 Litestar's
        **_: Any,
    ) -> Any:
        """Return what sends the events."""
        return self._send_all

    async def _send_all(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        gone = asyncio.create_task(_until_gone(receive))
        sending = asyncio.create_task(self._send_events(send))
        try:
            await asyncio.wait([gone, sending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            sending.cancel()
            _, error = await asyncio.gather(gone, sending, return_exceptions=True)
        if isinstance(error, Exception):  # the browser connects again
            log.warning("stream.ended", error=repr(error))
        if not gone.cancelled():
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            async for each in events:
                await send({"type": "http.response.body", "body": each, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    with suppress(BadRequest):  # the edge raises one when the client is gone
        while (await receive())["type"] != "http.disconnect":
            pass
