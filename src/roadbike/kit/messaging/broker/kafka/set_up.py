"""What the set-up job does on Kafka: it makes topics. Groups come into being by themselves."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

import structlog
from aiokafka.admin import NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    TopicAlreadyExistsError,
    for_code,
)

from roadbike.kit.messaging.broker.kafka.connection import POLL_SECONDS, Connector
from roadbike.kit.messaging.broker.kafka.options import TopicOptions
from roadbike.kit.messaging.broker.kafka.topics import topics_of
from roadbike.kit.messaging.broker.names import checked_group, checked_topic
from roadbike.kit.messaging.broker.port import BrokerUnavailable

log = structlog.get_logger()

SETTINGS: Final = {
    InvalidReplicationFactorError: "ROADBIKE_KAFKA_REPLICATION",
    InvalidPartitionsError: "ROADBIKE_KAFKA_PARTITIONS",
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
        await self._connector.call(_until_all_are_there(client, topics.keys()))

    async def make_topic(self, topic: str) -> None:
        """Make one topic. Raises BrokerUnavailable."""
        options = self._options
        new = NewTopic(topic, options.partitions, options.replication, topic_configs=options.config)
        answer = await self._connector.call(self._connector.admin().create_topics([new]))
        for _, code, *message in answer.topic_errors:
            kind = for_code(code)
            if code and kind is not TopicAlreadyExistsError:
                setting = SETTINGS.get(kind)
                reason = f"{topic}: {(message and message[0]) or kind.__name__}"
                raise BrokerUnavailable(f"{reason} ({setting})" if setting else reason)


async def _until_all_are_there(client: AIOKafkaClient, topics: Collection[str]) -> None:
    """Wait until each server that is asked knows the topics and who leads their partitions."""
    while True:
        found = await topics_of(client, topics)
        if all(name in found and found[name].is_led for name in topics):
            return
        await asyncio.sleep(POLL_SECONDS)
