"""What the set-up job does on Kafka: it makes topics. Groups come into being by themselves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka.admin import NewTopic
from aiokafka.errors import (
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    TopicAlreadyExistsError,
    for_code,
)

from roadbike.kit.messaging.broker.kafka.connection import Connector
from roadbike.kit.messaging.broker.kafka.topics import topics_of
from roadbike.kit.messaging.broker.port import BrokerUnavailable, checked_group, checked_topic

log = structlog.get_logger()

HOUR_MS: Final = 3_600_000
SETTINGS: Final = {
    InvalidReplicationFactorError: "ROADBIKE_KAFKA_REPLICATION",
    InvalidPartitionsError: "ROADBIKE_KAFKA_PARTITIONS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOptions:
    """How topics are made; those that exist stay as they are.

    partitions: cannot be changed later without losing the order of each key.
    replication: number of copies. min_in_sync: how many of them have an event before it counts as
    sent. hours: how long an event is kept, whoever has read it.
    """

    partitions: int = 6
    replication: int = 3
    min_in_sync: int = 2
    hours: int = 168

    @property
    def config(self) -> dict[str, str]:
        """Return the configuration of a new topic."""
        return {
            "cleanup.policy": "delete",
            "min.insync.replicas": str(self.min_in_sync),
            "unclean.leader.election.enable": "false",
            "retention.ms": str(self.hours * HOUR_MS),
        }


class SetUp:
    """Makes topics for all services."""

    def __init__(self, connector: Connector, options: TopicOptions) -> None:
        self._connector, self._options = connector, options

    async def make(self, topics: Mapping[str, Collection[str]]) -> None:
        """Make what is missing. Raises BrokerUnavailable, ValueError."""
        for topic, groups in topics.items():
            checked_topic(topic)
            for group in groups:
                checked_group(group)
        client = self._connector.admin()._client  # noqa: SLF001  it has no call for ids
        existing = await self._connector.call(topics_of(client, list(topics)))
        for topic in sorted(topics.keys() - existing.keys()):
            await self.make_topic(topic)
            log.info("topic.made", topic=topic)
        found = await self._connector.call(topics_of(client, list(topics)))
        if missing := sorted(topics.keys() - found.keys()):
            raise BrokerUnavailable(f"not there yet: {', '.join(missing)}")

    async def make_topic(self, topic: str) -> None:
        """Make one topic. Raises BrokerUnavailable."""
        options = self._options
        new = NewTopic(
            topic, options.partitions, options.replication, topic_configs=options.config
        )
        answer = await self._connector.call(self._connector.admin().create_topics([new]))
        for _, code, *message in answer.topic_errors:
            kind = for_code(code)
            if code and kind is not TopicAlreadyExistsError:
                setting = SETTINGS.get(kind)
                reason = f"{topic}: {(message and message[0]) or kind.__name__}"
                raise BrokerUnavailable(f"{reason} ({setting})" if setting else reason)
