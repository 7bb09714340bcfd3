"""Clusters of real Kafka servers, and shops on them."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from functools import cache
from pathlib import Path

import pytest

from roadbike.kit.messaging.broker import TopicOptions, connect
from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker
from tests.distributed.kafka_server import KafkaCluster
from tests.flows.in_process_shop import DATABASES, SERVICES, Shop, Url, open_shop
from tests.kit.broker.messages import wait_until_connected

MakeCluster = Callable[..., KafkaCluster]
ConnectTo = Callable[..., "Connecting"]


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    """A factory of started clusters for one test, which may kill their servers."""
    with ExitStack() as stack:

        def make(
            servers: int = 1,
            settings: Mapping[str, str] | None = None,
            options: tuple[str, ...] = (),
        ) -> KafkaCluster:
            cluster = KafkaCluster(tmp_path, servers, settings, options)
            stack.callback(cluster.kill)
            cluster.start()
            return cluster

        yield make


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
        topics = TopicOptions(partitions=partitions, replication=copies, min_in_sync=min(copies, 2))
        broker = connect(f"kafka://{cluster.addresses}", service, topics=topics, replica=replica)
        assert isinstance(broker, KafkaBroker)
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
async def shop(url: Url, kafka_server: KafkaCluster) -> AsyncIterator[Shop]:
    """The whole shop in this process, with Kafka as its broker."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kafka_server.delete_topics)
        broker = f"kafka://{kafka_server.addresses}"
        yield await stack.enter_async_context(open_shop(url, SERVICES, broker))
