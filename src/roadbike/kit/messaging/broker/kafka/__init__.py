"""The broker port on Apache Kafka: one topic each, keys in partitions, a group per reader."""

from roadbike.kit.messaging.broker.kafka.access import Access
from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker
from roadbike.kit.messaging.broker.kafka.set_up import TopicOptions

__all__ = ["Access", "KafkaBroker", "TopicOptions"]
