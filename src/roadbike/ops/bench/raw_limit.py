"""What these cores can do at most: a bare ASGI app that stores each request, in groups.

No token, no rules, no call to payment, no events: a request is durable when it is answered, and
that is all. DATABASE_URL is given.
"""

import asyncio
import os
from asyncio import Future, Queue
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

LARGEST_GROUP: Final = 128
MAKE: Final = "CREATE TABLE IF NOT EXISTS raw_reservation (id uuid PRIMARY KEY, body text NOT NULL)"
STORE: Final = "INSERT INTO raw_reservation SELECT * FROM unnest($1::uuid[], $2::text[])"

Asked = tuple[UUID, str, "Future[None]"]


class App:
    """An ASGI app with one connection to the database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: Queue[Asked] = Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = await _body(receive)
        status, answer = 200, b"{}"
        if scope["method"] == "POST":
            stored = asyncio.get_running_loop().create_future()
            reserve_id = uuid4()
            self._waiting.put_nowait((reserve_id, body.decode(), stored))
            await stored
            status, answer = 201, b'{"reserveId":"%s"}' % str(reserve_id).encode()
        head = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        connection = await asyncpg.connect(self._url)
        await connection.execute(MAKE)
        storing = asyncio.create_task(self._store(connection))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        storing.cancel()
        await connection.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _store(self, connection: asyncpg.Connection) -> None:
        statement = await connection.prepare(STORE)
        while True:
            group = [await self._waiting.get()]
            while not self._waiting.empty() and len(group) < LARGEST_GROUP:
                group.append(self._waiting.get_nowait())
            ids, bodies, futures = zip(*group, strict=True)
            await statement.fetch(ids, bodies)
            for stored in futures:
                stored.set_result(None)


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


app = App(os.environ.get("DATABASE_URL", ""))
