"""Calls of other services: a replica that hangs, refuses or breaks off does not stop the pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest

from roadbike.storefront.peers import Peers, Request, Unreachable
from tests.ports import free_base

READ: Final = Request(service="stock", method="GET", path="/stocks")
WRITE: Final = Request(service="stock", method="POST", path="/stocks", body={})


class Replica:
    """A server that answers, never answers, or closes the connection. asked: how often."""

    def __init__(self, behaviour: str = "answers") -> None:
        self.behaviour = behaviour
        self.asked = 0
        self.url = ""
        self.hung: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.behaviour == "hangs":
            self.hung.append(writer)
            return
        if self.behaviour == "answers":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        writer.close()


@asynccontextmanager
async def running(replica: Replica) -> AsyncIterator[Replica]:
    server = await asyncio.start_server(replica.serve, "127.0.0.1", 0)
    replica.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield replica
        for writer in replica.hung:
            writer.close()


@asynccontextmanager
async def peers_of(*replicas: Replica) -> AsyncIterator[Peers]:
    async with AsyncExitStack() as stack:
        for replica in replicas:
            await stack.enter_async_context(running(replica))
        tokens: Any = None  # for internal calls only
        urls = {"stock": [replica.url for replica in replicas]}
        yield await stack.enter_async_context(Peers(urls, tokens, gateway_key=""))


async def test_calls_take_the_replicas_in_turn() -> None:
    first, second = Replica(), Replica()
    async with peers_of(first, second) as peers:
        for _ in range(6):
            await peers.send(READ)

    assert (first.asked, second.asked) == (3, 3)


async def test_a_read_goes_on_to_the_next_replica_when_one_hangs() -> None:
    hung, well = Replica("hangs"), Replica()
    async with peers_of(hung, well) as peers:
        answers = [await peers.send(READ) for _ in range(10)]

    assert [answer.status for answer in answers] == [200] * 10
    assert hung.asked == 1  # then it is left out for a while


async def test_a_write_is_not_sent_twice_when_its_answer_is_lost() -> None:
    broken, well = Replica("closes"), Replica()
    async with peers_of(broken, well) as peers:
        with pytest.raises(Unreachable):
            await peers.send(WRITE)
        after = await peers.send(WRITE)

    assert (broken.asked, well.asked, after.status) == (1, 1, 200)


async def test_a_write_that_may_be_repeated_goes_on_to_the_next_replica() -> None:
    broken, well = Replica("closes"), Replica()
    repeatable = Request(service="stock", method="POST", path="/s", body={}, may_repeat=True)
    async with peers_of(broken, well) as peers:
        assert (await peers.send(repeatable)).status == 200


async def test_a_write_goes_on_when_there_is_no_connection() -> None:
    well = Replica()
    async with running(well):
        urls = {"stock": [f"http://127.0.0.1:{free_base(0)}", well.url]}
        tokens: Any = None
        async with Peers(urls, tokens, gateway_key="") as peers:
            answers = [await peers.send(WRITE) for _ in range(4)]

    assert [answer.status for answer in answers] == [200] * 4


async def test_without_any_replica_the_service_is_unreachable() -> None:
    async with peers_of(Replica("closes"), Replica("closes")) as peers:
        with pytest.raises(Unreachable) as refused:
            await peers.send(READ)
    assert refused.value.service == "stock"
