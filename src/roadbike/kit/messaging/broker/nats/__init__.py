"""The broker port on NATS JetStream: one stream per topic, one durable consumer per group."""

from roadbike.kit.messaging.broker.nats.broker import NatsBroker
from roadbike.kit.messaging.broker.nats.permissions import (
    audit_permissions,
    permissions,
    set_up_permissions,
)

__all__ = ["NatsBroker", "audit_permissions", "permissions", "set_up_permissions"]
