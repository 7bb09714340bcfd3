"""The broker port on Apache Kafka."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from aiokafka.structs import TopicPartition

from roadbike.kit.messaging.broker.kafka.access import Access
from roadbike.kit.messaging.broker.kafka.connection import Connector
from roadbike.kit.messaging.broker.kafka.durability import weaknesses
from roadbike.kit.messaging.broker.kafka.options import Membership, TopicOptions
from roadbike.kit.messaging.broker.kafka.reader import Place, event_at, lost_events
from roadbike.kit.messaging.broker.kafka.sender import Sender
from roadbike.kit.messaging.broker.kafka.set_up import SetUp
from roadbike.kit.messaging.broker.kafka.subscription import KafkaSubscription
from roadbike.kit.messaging.broker.names import checked_group, checked_topic, topic_of
from roadbike.kit.messaging.broker.port import Broker, Mark, Message, TopicMissing

TIMEOUT_SECONDS: Final = 5.0


class KafkaBroker(Broker):
    """A connection of one service to a Kafka cluster.

    member: of its groups. options: of the topics that it sets up. timeout: seconds, for one reply.
    """

    name: Final = "kafka"

    def __init__(
        self,
        access: Access,
        service: str,
        *,
        member: Membership = Membership(),  # noqa: B008  it is frozen
        options: TopicOptions = TopicOptions(),  # noqa: B008  likewise
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self.connector = Connector(access, service, timeout)
        self._member = member
        self._sender = Sender(self.connector)
        self._set_up = SetUp(self.connector, options)
        self._subscriptions: dict[tuple[str, str], KafkaSubscription] = {}

    @property
    def connected(self) -> bool:
        return self.connector.connected

    @property
    def fault(self) -> str:
        return self.connector.fault

    @property
    def refuses(self) -> bool:
        return self.connector.refused

    @property
    def connections(self) -> int:
        return self.connector.connections

    async def set_up(self, topics: Mapping[str, Collection[str]]) -> None:
        await self._set_up.make(topics)

    async def start_over(self, topic: str, lost: Mark) -> None:  # noqa: ARG002  see the port
        await self.connector.topic(checked_topic(topic))

    async def take_over(self) -> None:
        await self._sender.take_over()

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        if not messages:
            return []
        try:
            topic = await self.connector.topic(topic_of(messages))
        except TopicMissing:
            self._sender.drop()  # a topic that is made again begins its numbers again
            raise
        return await self._sender.send(messages, topic.id)

    async def subscribe(self, group: str, topic: str) -> KafkaSubscription:
        key = checked_group(group), checked_topic(topic)
        if key not in self._subscriptions:
            self._subscriptions[key] = KafkaSubscription(self.connector, group, topic, self._member)
        await self._subscriptions[key].open()
        return self._subscriptions[key]

    async def exists(self, topic: str) -> bool:
        try:
            await self.connector.topic(checked_topic(topic))
        except TopicMissing:
            return False
        return True

    async def holds(self, topic: str, mark: Mark, event_id: UUID) -> bool:
        found = await self.connector.topic(checked_topic(topic))
        if found.id != mark.incarnation or mark.partition not in found.numbers:
            return False
        place = TopicPartition(topic, mark.partition)
        at = await event_at(self.connector, place, mark.position - 1)
        return at in {event_id, Place.DELETED}

    async def lost(self, topic: str, sent: Sequence[tuple[Mark, UUID]]) -> list[UUID]:
        found = await self.connector.topic(checked_topic(topic))
        there: dict[TopicPartition, dict[int, UUID]] = {}
        lost = []
        for mark, event_id in sent:
            if mark.incarnation != found.id or mark.partition not in found.numbers:
                lost.append(event_id)
            else:
                place = TopicPartition(topic, mark.partition)
                there.setdefault(place, {})[mark.position - 1] = event_id
        return lost + await lost_events(self.connector, there)

    async def trim(self, topic: str, older: Mark | None) -> None:  # noqa: ARG002  by age only
        await self.connector.topic(checked_topic(topic))

    async def weaknesses(self, topic: str) -> list[str]:
        return await weaknesses(self.connector, await self.connector.topic(checked_topic(topic)))

    async def close(self) -> None:
        for subscription in self._subscriptions.values():
            await subscription.close()
        self._sender.drop()
        await self.connector.close()
