"""The broker port: one face for NATS on one machine, and for memory in tests."""

from urllib.parse import urlsplit

from roadbike.kit.messaging.broker.memory import MemoryBroker, log_named
from roadbike.kit.messaging.broker.nats import NatsBroker
from roadbike.kit.messaging.broker.port import (
    Broker,
    BrokerUnavailable,
    Mark,
    Message,
    Received,
    Subscription,
    TopicFull,
    TopicMissing,
)

__all__ = [
    "Broker",
    "BrokerUnavailable",
    "Mark",
    "Message",
    "Received",
    "Subscription",
    "TopicFull",
    "TopicMissing",
    "connect",
]


def connect(url: str, service: str, *, ack_wait: float = 30.0) -> Broker:
    """The broker behind the URL (nats://user:password@host:port, memory://name).

    Call it in a running event loop. It returns at once, whether the broker is there or not, and
    goes on connecting for ever. `ack_wait`: seconds until what was not acknowledged comes again
    (in memory that is the log's own affair). Raises ValueError for another scheme.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "nats":
            return NatsBroker(url, service, ack_wait=ack_wait)
        case "memory":
            return MemoryBroker(log_named(parts.netloc))
        case _:
            raise ValueError(f"no broker speaks {parts.scheme!r}: nats or memory")
