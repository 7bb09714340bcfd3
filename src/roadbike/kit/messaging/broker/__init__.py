"""The message broker: the port, and its adapters for NATS JetStream and for memory (tests)."""

from urllib.parse import urlsplit

from roadbike.kit.messaging.broker.memory import MemoryBroker, log_named
from roadbike.kit.messaging.broker.nats import NatsBroker
from roadbike.kit.messaging.broker.port import (
    Broker,
    BrokerUnavailable,
    GroupMissing,
    Mark,
    Message,
    Progress,
    Received,
    Subscription,
    TopicFull,
    TopicMissing,
)

__all__ = [
    "Broker",
    "BrokerUnavailable",
    "GroupMissing",
    "Mark",
    "Message",
    "Progress",
    "Received",
    "Subscription",
    "TopicFull",
    "TopicMissing",
    "connect",
]


def connect(url: str, service: str, *, ack_wait: float = 30.0) -> Broker:
    """Return the broker of the URL: nats://user:password@host:port or memory://name.

    Call it in a running event loop. It returns at once and connects in the background, again and
    again until it is closed. ack_wait: seconds until an unacknowledged message is delivered again,
    in groups that `set_up` makes (NATS only: a log in memory has its own). Raises ValueError for
    another scheme.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "nats":
            return NatsBroker(url, service, ack_wait=ack_wait)
        case "memory":
            return MemoryBroker(log_named(parts.netloc))
        case _:
            raise ValueError(f"unknown broker {parts.scheme!r}: expected nats or memory")
