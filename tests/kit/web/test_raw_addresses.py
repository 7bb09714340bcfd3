"""UTF-8 that stands unescaped in an address, as curl sends it, is understood."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.kit.web.ports import Port, served

RAW = "GET /things?q=한글 HTTP/1.1\r\nHost: a\r\n\r\n".encode()
PLAIN = b"GET /things?q=x HTTP/1.1\r\nHost: a\r\n\r\n"
FOUND = "0 [] 한글"
POST = b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def port(app: Any) -> AsyncIterator[Port]:
    async with served(app) as port:
        yield port


async def answers(port: Port, parts: Sequence[bytes], count: int) -> list[str]:
    async with await port.connect() as line:
        for part in parts:
            await line.send(part)
        return [await line.response() for _ in range(count)]


@pytest.mark.parametrize("place", range(12, 24))
async def test_a_raw_address_may_arrive_in_two_parts(port: Port, place: int) -> None:
    [found] = await answers(port, [RAW[:place], RAW[place:]], 1)

    assert FOUND in found


async def test_every_request_of_a_connection_may_have_a_raw_address(port: Port) -> None:
    async with await port.connect() as line:
        for _ in range(3):
            await line.send(RAW)
            assert FOUND in await line.response()


async def test_a_raw_path_is_not_found(port: Port) -> None:
    [found] = await answers(port, ["GET /가 HTTP/1.1\r\nHost: a\r\n\r\n".encode()], 1)

    assert found.startswith("http/1.1 404")
    assert "application/problem+json" in found


async def test_bytes_that_are_not_utf_8_are_named(port: Port) -> None:
    [found] = await answers(port, [b"GET /things?q=\xff HTTP/1.1\r\nHost: a\r\n\r\n"], 1)

    assert found.startswith("http/1.1 422")


async def test_a_body_is_not_taken_for_an_address(port: Port) -> None:
    body = '{"thingNm":"한","price":1}'.encode()
    head = POST + b"Authorization: Bearer admin\r\nContent-Length: %d\r\n\r\n" % len(body)

    for parts in ([head + body], [head, body], [PLAIN + head, body], [head + body + PLAIN]):
        found = await answers(port, parts, 1 + (PLAIN in b"".join(parts)))
        assert '"thingNm":"한"' in "".join(found)
