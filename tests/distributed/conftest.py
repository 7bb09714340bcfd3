"""Clusters of real Kafka servers, and shops on them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from functools import cache

import pytest

from roadbike.kit.messaging.broker.kafka.access import Access
from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker
from roadbike.kit.messaging.broker.kafka.options import Membership, TopicOptions
from tests.distributed.kafka_server import KafkaCluster
from tests.flows.in_process_shop import DATABASES, SERVICES, Shop, Url, open_shop
from tests.kit.broker.messages import wait_until_connected
from tests.system.reports import pytest_runtest_makereport  # noqa: F401  a hook of pytest

ACK_WAIT = 1.0  # seconds
SESSION = 2.0  # seconds until the partitions of a member that has ended go to others


@pytest.fixture(scope="module")
def cluster_of_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(tmp_path_factory.mktemp("kafka"), servers=3)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


@pytest.fixture
async def three_servers(cluster_of_three: KafkaCluster) -> AsyncIterator[KafkaCluster]:
    """A cluster of three servers that all tests of a file share; a test may kill some of them."""
    yield cluster_of_three
    await asyncio.to_thread(cluster_of_three.start_again)
    await cluster_of_three.delete_topics()


@pytest.fixture
async def one_server(kafka_server: KafkaCluster) -> AsyncIterator[KafkaCluster]:
    """The server that all tests share, without topics; a test may kill it."""
    yield kafka_server
    await asyncio.to_thread(kafka_server.start_again)
    await kafka_server.delete_topics()


class Connecting:
    """Connects brokers of services to clusters, and closes them at the end of the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def to(
        self,
        cluster: KafkaCluster,
        service: str = "reservation",
        *,
        partitions: int = 6,
        copies: int = 1,
        replica: str = "",
    ) -> KafkaBroker:
        broker = KafkaBroker(
            Access(servers=tuple(cluster.addresses.split(","))),
            service,
            member=Membership(name=replica, session=SESSION, ack_wait=ACK_WAIT),
            options=TopicOptions(
                partitions=partitions, replication=copies, min_in_sync=min(copies, 2)
            ),
        )
        self._stack.push_async_callback(broker.close)
        await wait_until_connected(broker)
        return broker


@pytest.fixture
async def connecting() -> AsyncIterator[Connecting]:
    async with AsyncExitStack() as stack:
        yield Connecting(stack)


@pytest.fixture
def url(migrated_url: Callable[..., str], new_database: Callable[..., str]) -> Url:
    @cache
    def url(service: str) -> str:
        if service == "provider":
            return new_database("sqlite")
        return migrated_url(f"roadbike.{service}", DATABASES[service])

    return url


@pytest.fixture
async def shop(url: Url, one_server: KafkaCluster) -> AsyncIterator[Shop]:
    """The whole shop in this process, with Kafka as its broker."""
    async with open_shop(url, SERVICES, f"kafka://{one_server.addresses}") as shop:
        yield shop
