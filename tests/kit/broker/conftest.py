"""Brokers on a NATS server of the test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from roadbike.kit.broker.nats import NatsBroker
from tests.kit.broker.messages import until_connected
from tests.kit.broker.nats_server import NatsServer

ACK_WAIT = 1.0  # seconds

ConnectNats = Callable[..., Awaitable[NatsBroker]]


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def connect_nats(nats_server: NatsServer) -> AsyncIterator[ConnectNats]:
    """A factory of connected brokers, closed after the test; options as NatsBroker has them."""
    async with AsyncExitStack() as stack:

        async def connect(service: str = "teller", **options: float) -> NatsBroker:
            options = {"ack_wait": ACK_WAIT} | options
            broker = NatsBroker(nats_server.url(), service, **options)  # type: ignore[arg-type]
            stack.push_async_callback(broker.close)
            await until_connected(broker)
            return broker

        yield connect
