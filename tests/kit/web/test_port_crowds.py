"""Many connections and requests at a port, and clients that hang up or ask for other protocols."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.kit.web.ports import GET, Port, served, until

WAIT = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
PART = (
    b"Authorization: Bearer admin\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
)


@pytest.fixture
async def port(app: Any) -> AsyncIterator[Port]:
    async with served(app) as port:
        yield port


async def test_connections_over_the_limit_are_refused(app: Any) -> None:
    async with (
        served(app, max_connections=3, read_timeout_seconds=60) as port,
        AsyncExitStack() as open_,
    ):
        lines = [await open_.enter_async_context(await port.connect()) for _ in range(3)]
        await port.until_connected(3)
        async with await port.connect() as one_too_many:
            answer = await one_too_many.rest()
        await port.until_connected(3)
        await lines[0].send(GET)
        within = await lines[0].response()
        lines[1].writer.close()
        await port.until_connected(2)
        async with await port.connect() as later:
            await later.send(GET)
            after = await later.response()

    assert answer.startswith("HTTP/1.1 503 ")
    assert re.search(r"retry-after: [1-5]\r", answer)
    assert "application/problem+json" in answer
    assert "200 ok" in within
    assert "200 ok" in after


async def test_requests_of_clients_that_hung_up_count_until_they_are_done(
    app: Any, api: Any
) -> None:
    async with served(app, max_connections=3) as port:
        for number in range(1, 4):
            async with await port.connect() as line:
                await line.send(WAIT)
                await until(lambda number=number: api.waiting == number)
        await port.until_connected(0)
        async with await port.connect() as line:
            await line.send(GET)
            refused = await line.response()
        api.may_go_on.set()
        await until(lambda: api.waiting == 0)
        async with await port.connect() as line:
            await line.send(GET)
            served_again = await line.response()

    assert "503 service unavailable" in refused
    assert "application/problem+json" in refused
    assert "200 ok" in served_again


async def test_requests_that_are_sent_ahead_are_answered_in_order(port: Port) -> None:
    async with await port.connect() as line:
        await line.send(GET + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
        statuses = [(await line.response())[9:12] for _ in range(3)]

    assert statuses == ["200", "404", "200"]


async def test_too_many_requests_ahead_end_the_connection(port: Port) -> None:
    async with await port.connect() as line:
        answer = await line.ask(GET * 5_000)

    assert 1 <= answer.count("HTTP/1.1 200 OK") <= 17
    assert answer.count("HTTP/1.1 ") == answer.count("HTTP/1.1 200 OK")


async def test_a_malformed_request_does_not_take_the_response_of_the_one_before(
    port: Port, api: Any
) -> None:
    async with await port.connect() as line:
        await line.send(WAIT + b"GET /livez HTTP/1.1\r\n\r\n")
        await until(lambda: api.waiting == 1)
        api.may_go_on.set()
        answer = await line.rest()

    assert answer.startswith("HTTP/1.1 200 OK")
    assert answer.count("HTTP/1.1 ") == 1


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
async def test_another_protocol_is_not_spoken(
    port: Port, protocol: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    ask = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: " + protocol
    async with await port.connect() as line:
        answer = await line.ask(ask + b"\r\n\r\n" + GET)

    assert answer.startswith("HTTP/1.1 200 OK")
    assert "connection: close" in answer
    assert answer.count("HTTP/1.1 ") == 1
    assert caplog.records == []


@pytest.mark.parametrize(
    "start",
    [
        b"POST /things HTTP/1.1\r\nHost: a\r\n" + PART,
        b"PATCH /things/1 HTTP/1.1\r\nHost: a\r\n" + PART,
        b"GET /livez HTTP/1.1\r\nHo",
    ],
)
async def test_a_client_that_hangs_up_is_no_error(
    port: Port, start: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as events:
        async with await port.connect() as line:
            await line.send(start)
            await until(lambda: port.has_begun)
        await port.until_connected(0)
        await until(lambda: not port.uvicorn.server_state.tasks)

    assert [event for event in events if event["log_level"] not in {"debug", "info"}] == []
    assert caplog.records == []


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_a_client_that_sends_rubbish_is_no_error(
    port: Port, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as events:
        async with await port.connect() as line:
            await line.ask(rubbish)
        await until(lambda: not port.uvicorn.server_state.tasks)

    assert [event for event in events if event["log_level"] not in {"debug", "info"}] == []
    assert caplog.records == []
