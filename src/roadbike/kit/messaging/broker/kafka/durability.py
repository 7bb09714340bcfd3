"""With which settings a Kafka topic could lose what it has acknowledged."""

from typing import Final

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from roadbike.kit.messaging.broker.kafka.connection import Connector
from roadbike.kit.messaging.broker.kafka.options import HOUR_MS
from roadbike.kit.messaging.broker.kafka.topics import Topic
from roadbike.kit.messaging.broker.port import BrokerUnavailable

COPIES: Final = 3
IN_SYNC: Final = "min.insync.replicas"
UNCLEAN: Final = "unclean.leader.election.enable"
POLICY: Final = "cleanup.policy"
RETENTION: Final = "retention.ms"
SIZE: Final = "retention.bytes"
IN_SYNC_COPIES: Final = 2
LEAST_HOURS: Final = 168  # a service that is stopped for days misses nothing
UNLIMITED: Final = -1


async def weaknesses(connector: Connector, topic: Topic) -> list[str]:
    """Return one sentence for each of them. Raises BrokerUnavailable."""
    config = await _config(connector, topic.name)
    copies = min(partition.replicas for partition in topic.partitions)
    found = []
    if copies < COPIES:
        found.append(f"the replication factor of {topic.name} is {copies}, not {COPIES}")
    if int(config[IN_SYNC]) < IN_SYNC_COPIES:
        found.append(f"{IN_SYNC} of {topic.name} is {config[IN_SYNC]}, not {IN_SYNC_COPIES}")
    if config[UNCLEAN] != "false":
        found.append(f"{UNCLEAN} of {topic.name} is {config[UNCLEAN]}, not false")
    if config[POLICY] != "delete":
        found.append(f"{POLICY} of {topic.name} is {config[POLICY]}, not delete")
    kept = int(config[RETENTION])
    if kept != UNLIMITED and kept < LEAST_HOURS * HOUR_MS:
        least = LEAST_HOURS * HOUR_MS
        found.append(f"{RETENTION} of {topic.name} is {kept}, less than a week ({least})")
    if int(config[SIZE]) != UNLIMITED:
        found.append(f"{SIZE} of {topic.name} is {config[SIZE]}, not {UNLIMITED}")
    return found


async def _config(connector: Connector, topic: str) -> dict[str, str]:
    wanted = dict.fromkeys((IN_SYNC, UNCLEAN, POLICY, RETENTION, SIZE), "")
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, wanted)
    (answer,) = await connector.call(connector.admin().describe_configs([resource]))
    ((code, _, _, _, entries),) = answer.resources
    if code:
        raise BrokerUnavailable(f"the configuration of {topic} is not shown: {for_code(code)()}")
    return {name: value for name, value, *_ in entries}
