"""A crowd of readers waits, or is refused, before it costs anything; all else goes on."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from roadbike.kit.translations import load_translations
from roadbike.kit.web.edge import Edge
from roadbike.kit.web.places import READ_WAIT_SECONDS, READS_AT_A_TIME, READS_IN_A_ROUND
from tests.kit.web.conftest import State, make_app
from tests.kit.web.ports import GET, Port, served, until

WAIT = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
ADD = b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def state_and_app() -> tuple[State, Any]:
    """An app of its own for each test: who waits in it waits in one event loop."""
    state = State()
    return state, make_app(state)


@pytest.fixture
async def port(app: Any) -> AsyncIterator[Port]:
    async with served(app) as port:
        yield port


@pytest.fixture
async def crowd(port: Port, api: Any) -> AsyncIterator[None]:
    """As many readers as may be worked on, who wait for `api.may_go_on`."""
    async with AsyncExitStack() as lines:
        for _ in range(READS_AT_A_TIME):
            await (await lines.enter_async_context(await port.connect())).send(WAIT)
        await until(lambda: api.waiting == READS_AT_A_TIME)
        yield
        api.may_go_on.set()
        await until(lambda: api.waiting == 0)


@pytest.mark.usefixtures("crowd")
async def test_one_reader_too_many_waits_and_is_refused(port: Port, api: Any) -> None:
    began = time.monotonic()
    async with await port.connect() as line:
        await line.send(WAIT)
        answer = await line.response()
    took = time.monotonic() - began

    assert answer.startswith("http/1.1 503 ")
    assert "/problems/overloaded" in answer
    assert re.search(r"retry-after: [1-5]\r", answer)
    assert took >= READ_WAIT_SECONDS
    assert api.waiting == READS_AT_A_TIME  # it was not worked on


@pytest.mark.usefixtures("crowd")
async def test_a_reader_who_waits_is_answered_when_a_place_is_free(
    port: Port, app: Edge, api: Any
) -> None:
    async with await port.connect() as line:
        await line.send(WAIT)
        await until(lambda: app.places.reads.waiting == 1)
        api.may_go_on.set()
        answer = await line.response()

    assert answer.startswith("http/1.1 200 ")


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(("request_", "status"), [(GET, "200"), (ADD, "401")])
async def test_probes_and_writes_do_not_wait_behind_readers(
    port: Port, request_: bytes, status: str
) -> None:
    async with await port.connect() as line:
        await line.send(request_)
        answer = await line.response()

    assert answer.startswith(f"http/1.1 {status} ")


async def test_a_response_that_has_begun_needs_no_place() -> None:
    """As a stream of changes does, which goes on for hours."""
    begun, over = 0, asyncio.Event()

    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal begun
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun += 1
        await over.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    app = Edge(stream, load_translations("roadbike.kit"))
    readers = [asyncio.create_task(ask(app)) for _ in range(READS_AT_A_TIME + 1)]
    await until(lambda: begun == READS_AT_A_TIME + 1)
    over.set()

    assert set(await asyncio.gather(*readers)) == {200}


async def test_readers_who_come_at_once_begin_in_turn() -> None:
    """Else the inbox and the relay get one step while all of them are answered."""
    begun, most = 0, 0

    async def quick(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal begun
        begun += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    app = Edge(quick, load_translations("roadbike.kit"))
    readers = [asyncio.create_task(ask(app)) for _ in range(3 * READS_AT_A_TIME)]
    while begun < len(readers):
        before = begun
        await asyncio.sleep(0)
        most = max(most, begun - before)

    assert most == READS_IN_A_ROUND
    assert set(await asyncio.gather(*readers)) == {200}


async def ask(app: Edge) -> int:
    """Return the status of a read, at the end of its response."""
    status = 0

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: Any = {"type": "http", "method": "GET", "path": "/stream", "raw_path": b"/stream"}
    await app(scope | {"query_string": b"", "headers": []}, receive, send)
    return status
