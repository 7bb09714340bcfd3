"""NATS JetStream as broker: a stream per topic, a durable pull consumer per group."""

from roadbike.kit.messaging.broker.nats.broker import NatsBroker
from roadbike.kit.messaging.broker.nats.permissions import permissions

__all__ = ["NatsBroker", "permissions"]
