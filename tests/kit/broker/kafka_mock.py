"""A Kafka cluster in this process: the one that librdkafka has for tests of its own.

It speaks the real protocol, but makes no topics by request, has one server and stores nothing.
What needs more is tested on real servers (tests/distributed).
"""

import ctypes
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import confluent_kafka
from confluent_kafka import Producer

from roadbike.kit.messaging.broker.kafka.access import Access
from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker
from roadbike.kit.messaging.broker.kafka.options import Membership
from roadbike.kit.messaging.broker.kafka.topics import topics_of
from roadbike.kit.messaging.broker.names import checked_group, checked_topic

HEADER_BYTES: Final = 16  # of a Python object; then a Producer has its pointer of librdkafka


class MockCluster:
    """A cluster of one server. partitions: of each topic."""

    def __init__(self, partitions: int = 1) -> None:
        self._owner = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        self._library = ctypes.CDLL(str(_library()))
        self._library.rd_kafka_handle_mock_cluster.restype = ctypes.c_void_p
        pointer = ctypes.c_void_p.from_address(id(self._owner) + HEADER_BYTES)
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_handle_mock_cluster(pointer))
        self._library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        self.server = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self.partitions = partitions
        # else the first member of each group waits for others
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    def make_topic(self, name: str) -> None:
        self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), self.partitions, 1)

    def delete_topic(self, name: str) -> None:
        self._library.rd_kafka_mock_topic_delete(self._cluster, name.encode())

    def take_down(self) -> None:
        """Close all connections, and accept no others until `bring_up`."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def bring_up(self) -> None:
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)


class MockAccess(Access):
    """Believes the checksums of the mock cluster, which are wrong for marks of transactions."""

    def consumer(self, name: str, timeout: float) -> dict[str, Any]:
        return {**Access.consumer(self, name, timeout), "check_crcs": False}


class MockKafkaBroker(KafkaBroker):
    """The adapter on a mock cluster, whose topics are not made by requests."""

    def __init__(self, cluster: MockCluster, service: str, member: Membership) -> None:
        super().__init__(MockAccess(servers=(cluster.server,)), service, member=member)
        self._cluster = cluster

    async def set_up(self, topics: Mapping[str, Collection[str]]) -> None:
        for topic, groups in topics.items():
            checked_topic(topic)
            for group in groups:
                checked_group(group)
        existing = await topics_of(self.connector.admin()._client, list(topics))  # noqa: SLF001
        for topic in topics.keys() - existing.keys():
            self._cluster.make_topic(topic)
        await super().set_up(topics)


def _library() -> Path:
    package = Path(confluent_kafka.__file__).parent
    (found,) = [
        *package.parent.glob("confluent_kafka.libs/librdkafka[-.]*"),
        *package.glob(".dylibs/librdkafka[-.]*"),
    ]
    return found
