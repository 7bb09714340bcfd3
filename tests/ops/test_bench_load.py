"""The load of `roadbike bench`, against a server that answers as it is asked to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from roadbike.ops.bench.load import Plan, purchase, put, request
from roadbike.ops.bench.load import Run as LoadRun

Answer = Callable[[bytes], bytes]


def response(status: int, *, close: bool = False) -> bytes:
    connection = "close" if close else "keep-alive"
    return (
        f"HTTP/1.1 {status} x\r\nconnection: {connection}\r\ncontent-length: 2\r\n\r\n{{}}".encode()
    )


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[Plan]:
    """Serve, and yield a plan for it. The requests of these tests have no body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            made = answer(head)
            writer.write(made)
            if not made or b"connection: close" in made:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield plan(port)


def plan(port: int = 1, **more: object) -> Plan:
    usual = {"host": "127.0.0.1", "port": port, "connections": 3, "warm_up": 0.2, "seconds": 0.3}
    return Plan(path="/things", **usual | more)  # type: ignore[arg-type]


async def test_what_is_answered_is_counted_and_timed() -> None:
    async with served(lambda _: response(201)) as at:
        loaded = await put(at)

    assert loaded.statuses == {"201": loaded.done_in_all}
    assert 0 < loaded.done < loaded.done_in_all  # the warm-up is not measured
    assert loaded.rate == pytest.approx(loaded.done / 0.3)
    assert 0 < loaded.p50 <= loaded.p95 <= loaded.p99
    assert loaded.failed == 0


async def test_a_refused_request_is_no_work_that_is_done() -> None:
    async with served(lambda _: response(503)) as at:
        loaded = await put(at)

    assert loaded.done == loaded.done_in_all == 0
    assert loaded.failed == loaded.statuses["503"] > 0


async def test_a_connection_that_the_server_ends_is_made_once_more() -> None:
    async with served(lambda _: response(200, close=True)) as at:
        loaded = await put(at)

    assert loaded.done_in_all > 3
    assert loaded.lost == 0


async def test_a_connection_that_ends_without_a_reply_is_a_failure() -> None:
    async with served(lambda _: b"") as at:
        loaded = await put(at)

    assert loaded.failed == loaded.lost >= 3


async def test_a_port_that_nobody_listens_at_is_a_failure() -> None:
    async with served(lambda _: response(200)) as at:
        pass

    assert (await put(at)).lost >= 3


def test_a_request_has_its_headers_and_the_length_of_its_body() -> None:
    made = request(plan(headers={"Authorization": "Bearer x"}), "POST", "/things", '"가"')

    head, _, body = made.decode().partition("\r\n\r\n")
    assert head.split("\r\n") == [
        "POST /things HTTP/1.1",
        "Host: 127.0.0.1:1",
        "Authorization: Bearer x",
        "Content-Type: application/json",
        "Content-Length: 5",
    ]
    assert body == '"가"'


def test_a_purchase_pays_the_payment_of_its_reservation() -> None:
    steps = purchase(LoadRun(plan(body="{}")))

    first = next(steps)
    second = steps.send((201, b'{"reserveId": "r1"}'))
    payments = {"_embedded": {"payments": [{"payId": "p1"}]}}
    third = steps.send((200, json.dumps(payments).encode()))

    assert first.startswith(b"POST /reservations ")
    assert second.startswith(b"GET /payments?reserveId=r1 ")
    assert third.startswith(b"PATCH /payments/p1 ")
    with pytest.raises(StopIteration):
        steps.send((200, b"{}"))


def test_a_purchase_ends_with_the_step_that_is_refused() -> None:
    steps = purchase(LoadRun(plan(body="{}")))
    next(steps)

    with pytest.raises(StopIteration):
        steps.send((409, b"{}"))
