"""Straight at a service's port: what is malformed, too large, too slow or too much is refused."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.kit.web.ports import GET, PATIENCE, READ_SECONDS, Port, served

HEAD = b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
ADMIN = b"Authorization: Bearer admin\r\n"
GOOD = b'{"thingNm":"x","price":1}'
UPGRADE = b"Connection: Upgrade\r\nUpgrade: "


@pytest.fixture
async def port(app: Any) -> AsyncIterator[Port]:
    async with served(app) as port:
        yield port


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /livez HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /livez\r\n",
        b"GET /livez HTTP/0.9\r\n\r\n",
        b"GET /livez HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /things HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        HEAD + b"Content-Length: +1\r\n\r\nx",
        HEAD + b"Content-Length: 1, 1\r\n\r\nx",
        b"GET /livez HTTP/1.1\nHost: a\n\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\n continued\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX: b\x00c\r\n\r\n",
        "GÉT /things HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        "GET /things HTTP/1.1é\r\nHost: a\r\n\r\n".encode(),
        b"GET /things?q=\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        HEAD + UPGRADE + b"h2c\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + UPGRADE + b"any\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_what_another_program_might_read_differently_is_refused(
    port: Port, api: Any, raw: bytes
) -> None:
    async with await port.connect() as line:
        answer = await line.ask(raw + GET)

    assert answer.startswith("HTTP/1.1 400 ")
    assert answer.count("HTTP/1.1 ") == 1
    for header in ("application/problem+json", "connection: close", "x-content-type-options"):
        assert header in answer
    assert api.stored == []


async def test_the_line_of_http_0_9_is_refused_at_once(port: Port) -> None:
    async with await port.connect() as line:
        assert (await line.ask(b"GET /livez\r\n")).startswith("HTTP/1.1 400 ")


async def test_http_1_0_needs_no_host(port: Port) -> None:
    async with await port.connect() as line:
        assert "200 OK" in await line.ask(b"GET /livez HTTP/1.0\r\n\r\n")


async def test_a_trailer_is_not_a_header(port: Port, api: Any) -> None:
    chunk = b"%x\r\n%b\r\n0\r\n" % (len(GOOD), GOOD)
    async with await port.connect() as line:
        await line.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + ADMIN + b"\r\n")
        answer = await line.response()

    assert "401 unauthorized" in answer
    assert api.stored == []


@pytest.mark.parametrize("piece", [b"X-A: " + b"a" * 1_000 + b"\r\n", b"a" * 1_000])
async def test_an_endless_head_is_refused_while_it_arrives(port: Port, piece: bytes) -> None:
    sent = 0
    async with await port.connect() as line:
        await line.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-B: ")
        refused = asyncio.create_task(line.rest())
        while not refused.done() and sent < 64 * 1024**2:
            try:
                await line.send(piece)
            except ConnectionError:
                break
            sent += len(piece)
            await asyncio.sleep(0)
        answer = await refused

    assert sent < 1024**2
    assert answer == "" or answer.startswith("HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX-B: " + b"b" * 17_000,
        b"GET /livez HTTP/1.1\r\nHost: a\r\n" + b"X-B: b\r\n" * 2_200,
        b"GET /livez?" + b"b" * 17_000,
        b"GET /livez?" + b"b" * 17_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_a_head_over_the_limit_is_refused(port: Port, head: bytes) -> None:
    async with await port.connect() as line:
        await line.send(head)
        assert "431 request header fields too large" in await line.response()


async def test_a_head_within_the_limit_may_arrive_in_pieces(port: Port) -> None:
    async with await port.connect() as line:
        await line.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n")
        for _ in range(10):
            await line.send(b"X-A: " + b"a" * 1_000 + b"\r\n")
            await asyncio.sleep(0)
        await line.send(b"\r\n")
        assert "200 ok" in await line.response()


@pytest.mark.parametrize(
    "start",
    [
        b"GET /li",
        b"GET /livez HTTP/1.1\r\nHost: a\r\n",
        HEAD + ADMIN + b"Content-Length: 50\r\n\r\n",
        HEAD + ADMIN + b"Content-Length: 50\r\n\r\n{",
        HEAD + ADMIN + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
)
async def test_a_request_that_does_not_go_on_is_cut(port: Port, start: bytes) -> None:
    began = time.monotonic()
    async with await port.connect() as line:
        answer = await line.ask(start)

    assert answer.startswith("HTTP/1.1 408 ")
    assert answer.count("HTTP/1.1 ") == 1
    assert time.monotonic() - began >= READ_SECONDS * 0.9
    await port.until_connected(0)


@pytest.mark.parametrize("start", [b"", b"\r\n"])
async def test_a_connection_without_a_request_is_closed(port: Port, start: bytes) -> None:
    async with await port.connect() as line:
        assert await line.ask(start) == ""


@pytest.mark.parametrize(
    "start",
    [
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: ",
        HEAD + ADMIN + b"Content-Length: 5000\r\n\r\n",
        HEAD + b"Content-Length: 5000\r\n\r\n",  # answered with 401 at once
    ],
)
async def test_a_request_that_drips_is_cut(port: Port, start: bytes) -> None:
    async with await port.connect() as line:
        await line.send(start)
        async with asyncio.timeout(PATIENCE):
            while port.connections:
                try:
                    await line.send(b"a")
                except ConnectionError:
                    break
                await asyncio.sleep(READ_SECONDS / 20)
    await port.until_connected(0)


async def test_the_next_head_on_a_connection_is_timed_too(port: Port) -> None:
    async with await port.connect() as line:
        await line.send(GET)
        assert "200 ok" in await line.response()
        assert (await line.ask(b"GET /li")).startswith("HTTP/1.1 408 ")


async def test_blank_lines_do_not_keep_a_connection_open(app: Any) -> None:
    async with served(app, keep_alive=0.2) as port, await port.connect() as line:
        await line.send(GET)
        assert "200 ok" in await line.response()
        assert await line.ask(b"\r\n") == ""


async def test_a_body_that_nobody_reads_any_more_is_not_taken_without_end(app: Any) -> None:
    sent = 0
    async with served(app, read_timeout_seconds=60) as port, await port.connect() as line:
        await line.send(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        assert "401 unauthorized" in await line.response()
        while port.connections and sent < 64 * 1024**2:
            try:
                await line.send(b"a" * 10_000)
            except ConnectionError:
                break
            sent += 10_000
            await asyncio.sleep(0)

    assert sent < 64 * 1024**2


async def test_a_body_that_the_handler_does_not_read_yet_is_not_slow(port: Port, api: Any) -> None:
    async with await port.connect() as line:
        line.writer.write(b"GET /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n")
        line.writer.write(b"a" * 500_000)
        await asyncio.sleep(READ_SECONDS * 2)
        api.may_go_on.set()

        assert "200 ok" in await line.response()


async def test_a_client_that_reads_nothing_is_cut(port: Port) -> None:
    async with await port.connect(limit=1) as line:
        await line.send(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await port.until_connected(1)
        await port.until_connected(0)
        assert len(await line.rest()) < 16 * 1024**2


async def test_a_kept_connection_whose_client_reads_nothing_is_cut(app: Any) -> None:
    async with served(app, keep_alive=0.2) as port, await port.connect(limit=1) as line:
        await line.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        await port.until_connected(1)
        await port.until_connected(0)
        assert len(await line.rest()) < 16 * 1024**2
