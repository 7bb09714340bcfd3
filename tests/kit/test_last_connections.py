"""Before a listening socket is closed: what waits is accepted, what is new is not let in."""

import asyncio
import select
import socket
import sys

import pytest

from roadbike.kit.process.last_connections import accept_last
from tests.kit.web.ports import until

WAITING = 20
PATIENCE = 0.2  # seconds; on loopback a connection is made at once

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems have no filter for new connections"
)


async def test_waiting_connections_are_accepted_and_new_ones_are_not_let_in() -> None:
    accepted: list[asyncio.StreamWriter] = []
    listener = socket.create_server(("127.0.0.1", 0), backlog=WAITING)
    address = listener.getsockname()
    clients = [socket.create_connection(address) for _ in range(WAITING)]
    async with await asyncio.start_server(lambda _, w: accepted.append(w), sock=listener):
        await accept_last([listener.fileno()])

        assert not select.select([listener], [], [], 0)[0]

        with pytest.raises(TimeoutError):
            socket.create_connection(address, timeout=PATIENCE)

        await until(lambda: len(accepted) == WAITING)
    for each in (*clients, *accepted):
        each.close()
