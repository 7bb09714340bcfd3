"""Brokers for the tests: NATS and a Kafka in this process, new for each test, and memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from roadbike.kit.messaging.broker import Broker
from roadbike.kit.messaging.broker.kafka.access import Access
from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker
from roadbike.kit.messaging.broker.kafka.options import Membership, TopicOptions
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.broker.nats import NatsBroker
from tests.distributed.kafka_server import KafkaCluster
from tests.kit.broker.kafka_mock import MockCluster, MockKafkaBroker
from tests.kit.broker.messages import TOPIC, wait_until_connected
from tests.kit.broker.nats_server import NatsServer

ACK_WAIT = 1.0  # seconds
SESSION = 2.0  # seconds

Connect = Callable[[], Awaitable[Broker]]
ConnectNats = Callable[..., Awaitable[NatsBroker]]
ConnectKafka = Callable[..., Awaitable[MockKafkaBroker]]


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def connect_nats(nats_server: NatsServer) -> AsyncIterator[ConnectNats]:
    """Return a function that connects a broker with options of NatsBroker."""
    async with AsyncExitStack() as stack:

        async def connect(service: str = "reservation", **options: Any) -> NatsBroker:
            options = {"ack_wait": ACK_WAIT} | options
            broker = NatsBroker(nats_server.url(), service, **options)
            stack.push_async_callback(broker.close)
            await wait_until_connected(broker)
            return broker

        yield connect


@pytest.fixture
def connect_nats_batches(connect_nats: ConnectNats) -> Connect:
    """Return a function that connects a broker which sends several events in one message."""

    async def connect(service: str = "reservation") -> Broker:
        return await connect_nats(service, batches=True)

    return connect


@pytest.fixture
def mock_cluster() -> MockCluster:
    return MockCluster()


@pytest.fixture
async def connect_kafka(mock_cluster: MockCluster) -> AsyncIterator[ConnectKafka]:
    """Return a function that connects a broker; options are those of Membership."""
    async with AsyncExitStack() as stack:

        async def connect(service: str = "reservation", **options: Any) -> MockKafkaBroker:
            member = Membership(**{"ack_wait": ACK_WAIT, "session": SESSION} | options)
            broker = MockKafkaBroker(mock_cluster, service, member)
            stack.push_async_callback(broker.close)
            await wait_until_connected(broker)
            return broker

        yield connect


@pytest.fixture
async def connect_real_kafka(kafka_server: KafkaCluster) -> AsyncIterator[Connect]:
    """Return a function that connects a broker; the topics are deleted afterwards."""
    access = Access(servers=(kafka_server.addresses,))
    member = Membership(ack_wait=ACK_WAIT, session=SESSION)
    options = TopicOptions(partitions=1, replication=1, min_in_sync=1)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kafka_server.delete_topics)

        async def connect(service: str = "reservation") -> Broker:
            broker = KafkaBroker(access, service, member=member, options=options)
            stack.push_async_callback(broker.close)
            await wait_until_connected(broker)
            return broker

        yield connect


REAL_KAFKA = pytest.param("real_kafka", marks=pytest.mark.distributed)


@pytest.fixture(params=["kafka", REAL_KAFKA, "nats", "nats_batches", "memory"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Return a function that connects a broker; all of a test share one server or log."""
    if request.param != "memory":
        connect_: Connect = request.getfixturevalue(f"connect_{request.param}")
        return connect_
    log = MemoryLog(ack_wait=ACK_WAIT)

    async def connect_memory() -> Broker:
        return MemoryBroker(log)

    return connect_memory


@pytest.fixture
async def publisher(connect: Connect) -> AsyncIterator[Broker]:
    """A broker that has made the topic and two groups."""
    async with AsyncExitStack() as stack:
        broker = await connect()
        stack.push_async_callback(broker.close)
        await broker.set_up({TOPIC: ("mypage", "delivery")})
        yield broker
