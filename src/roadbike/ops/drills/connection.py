"""One kept HTTP connection of a load: a request at a time, without the cost of a client library."""

import asyncio
from typing import NamedTuple, cast

import httptools


class Reply(NamedTuple):
    """What came back. headers: their names in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Connection(asyncio.Protocol):
    """A connection that is open until it is closed by either side."""

    def __init__(self) -> None:
        self.usable = False
        self._transport: asyncio.Transport | None = None
        self._waits: asyncio.Future[Reply] | None = None
        self._begin()

    async def exchange(self, request: bytes) -> Reply:
        """Send the request and return the reply.

        Raises ConnectionError when the connection ends without one.
        """
        if self._transport is None or not self.usable:
            raise ConnectionResetError
        self._waits = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waits

    def close(self) -> None:
        """End the connection; a reply that is still on its way is dropped."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by isinstance
        self.usable = True

    def connection_lost(self, _error: Exception | None) -> None:
        self.usable = False
        if self._waits is not None and not self._waits.done():
            self._waits.set_exception(ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        reply = Reply(self._parser.get_status_code(), self._headers, self._body)
        if not self._parser.should_keep_alive():
            self.usable = False
            if self._transport is not None:
                self._transport.close()
        self._begin()
        if self._waits is not None and not self._waits.done():
            self._waits.set_result(reply)

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body = b""


async def connected(host: str, port: int, *, tls: bool) -> Connection:
    """Return a new connection. Raises OSError when nobody accepts it."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, host, port, ssl=tls or None)
    return connection
