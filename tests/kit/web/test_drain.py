"""While a service drains, each response ends its connection, so that no connection is cut."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from roadbike.kit.process.last_connections import accept_last
from tests.kit.web.ports import GET, PATIENCE, Port, served, until

WAIT = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = "connection: close"


@pytest.fixture
async def port(app: Any) -> AsyncIterator[Port]:
    async with served(app) as port:
        yield port


async def test_a_connection_is_kept_until_the_drain_and_ends_with_the_next_response(
    port: Port,
) -> None:
    async with await port.connect() as line:
        await line.send(GET)
        before = await line.response()

        port.uvicorn.end_connections()
        last = await line.ask(GET)

    assert CLOSE not in before
    assert last.startswith("HTTP/1.1 200")
    assert CLOSE in last


async def test_a_new_connection_is_answered_once(port: Port) -> None:
    port.uvicorn.end_connections()

    async with await port.connect() as line:
        answer = await line.ask(GET)

    assert answer.startswith("HTTP/1.1 200")
    assert CLOSE in answer


async def test_a_response_that_is_being_made_when_the_drain_begins_ends_its_connection(
    port: Port, api: Any
) -> None:
    async with await port.connect() as line:
        await line.send(WAIT)
        await until(lambda: api.waiting == 1)

        port.uvicorn.end_connections()
        api.may_go_on.set()
        answer = await line.rest()

    assert answer.startswith("HTTP/1.1 200")
    assert CLOSE in answer


async def test_requests_that_were_sent_together_are_all_answered(port: Port, api: Any) -> None:
    async with await port.connect() as line:
        await line.send(WAIT + GET + GET)
        await until(lambda: api.waiting == 1)

        port.uvicorn.end_connections()
        api.may_go_on.set()
        answers = await line.rest()

    assert answers.count("HTTP/1.1 200") == 3
    assert answers.count(CLOSE) == 1


async def test_clients_that_have_just_connected_are_answered_when_the_port_is_closed(
    port: Port,
) -> None:
    lines = [await port.connect() for _ in range(50)]  # some are not accepted yet
    port.uvicorn.end_connections()

    port.uvicorn.should_exit = True
    answers = await asyncio.gather(*(line.ask(GET) for line in lines))

    assert {answer.split("\r\n")[0] for answer in answers} == {"HTTP/1.1 200 OK"}


@pytest.mark.parametrize("steps", range(4))
async def test_a_port_is_closed_only_when_what_was_accepted_belongs_to_it(steps: int) -> None:
    """Else asyncio forgets the connection, and its client waits for a response that never comes."""
    connected = asyncio.Event()

    class Connected(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connected.set()
            transport.close()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connected, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.settimeout(0)
        for _ in range(steps):
            await asyncio.sleep(0)

        await accept_last([server.sockets[0].fileno()])
        server.close()

        async with asyncio.timeout(PATIENCE):
            await connected.wait()
            assert await loop.sock_recv(client, 1) == b""


async def test_clients_that_connect_while_the_port_is_closed_are_answered_or_refused(
    port: Port,
) -> None:
    """Never connected and then cut."""
    outcomes: set[str] = set()

    async def ask_until_refused() -> None:
        while "refused" not in outcomes:
            try:
                line = await port.connect()
            except ConnectionRefusedError:
                outcomes.add("refused")
                return
            async with line:
                outcomes.add((await line.ask(GET)).split("\r\n")[0])

    port.uvicorn.end_connections()
    asking = [asyncio.create_task(ask_until_refused()) for _ in range(20)]
    await until(lambda: bool(outcomes))
    port.uvicorn.should_exit = True
    await asyncio.gather(*asking)

    assert outcomes == {"HTTP/1.1 200 OK", "refused"}


async def test_a_connection_without_a_request_does_not_hold_up_the_stop(port: Port) -> None:
    async with await port.connect() as line:
        await port.until_connected(1)
        port.uvicorn.end_connections()

        port.uvicorn.should_exit = True

        assert await line.rest() == ""
