"""Each setting of a topic on Kafka with which acknowledged events could be lost is named."""

from collections.abc import Mapping

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from tests.distributed.conftest import Connecting
from tests.distributed.kafka_server import KafkaCluster
from tests.flows.in_process_shop import until

pytestmark = pytest.mark.distributed


async def test_each_setting_with_which_events_could_be_lost_is_named(
    one_server: KafkaCluster, connecting: Connecting
) -> None:
    broker = await connecting.to(one_server, "stock")
    await broker.set_up({"bike.stock": ()})
    change(
        one_server,
        "bike.stock",
        {
            "unclean.leader.election.enable": "true",
            "cleanup.policy": "compact",
            "retention.ms": "3600000",
            "retention.bytes": "1000000",
        },
    )

    wanted = [
        "the replication factor of bike.stock is 1, not 3",
        "min.insync.replicas of bike.stock is 1, not 2",
        "unclean.leader.election.enable of bike.stock is true, not false",
        "cleanup.policy of bike.stock is compact, not delete",
        "retention.ms of bike.stock is 3600000, less than a week (604800000)",
        "retention.bytes of bike.stock is 1000000, not -1",
    ]

    async def found() -> bool:
        return await broker.weaknesses("bike.stock") == wanted

    await until(found, seconds=10)


def change(server: KafkaCluster, topic: str, settings: Mapping[str, str]) -> None:
    """Change the configuration of a topic."""
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in settings.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": server.addresses})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(30)
