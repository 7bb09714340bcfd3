"""The message broker: the port, and its adapters: NATS JetStream, Kafka, and memory (tests)."""

from urllib.parse import urlsplit

from roadbike.kit.messaging.broker.kafka.access import access_of
from roadbike.kit.messaging.broker.kafka.options import Membership, TopicOptions
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
from roadbike.kit.messaging.broker.tls import verifying
from roadbike.kit.urls import DEFAULT_MECHANISM

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
    "TopicOptions",
    "connect",
]


def connect(
    url: str,
    service: str,
    *,
    ack_wait: float = 30.0,
    batches: bool = False,
    ca: str = "",
    mechanism: str = DEFAULT_MECHANISM,
    replica: str = "",
    topics: TopicOptions = TopicOptions(),  # noqa: B008  it is frozen
) -> Broker:
    """Return the broker of the URL, whose scheme chooses the adapter.

    nats://user:password@host:port, memory://name, or kafka://user:password@host:port,host:port
    (with nats+tls:// and kafka+tls:// encrypted).

    Call it in a running event loop. It returns at once and connects in the background, again and
    again until it is closed. ack_wait: seconds until an unacknowledged message is delivered again,
    in groups that `set_up` makes (NATS only: a log in memory has its own). batches: whether several
    events are sent in one message (NATS only; Kafka's client does so by itself).
    ca: certificates (PEM) of the authority that signs the servers', for TLS. For Kafka only:
    mechanism, of SASL; replica, the name of this process among those of the service, the same after
    a restart; topics, how `set_up` makes them.
    Raises ValueError for another scheme, and for certificates that cannot be read.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "nats" | "nats+tls":
            tls = verifying(ca) if parts.scheme == "nats+tls" else None
            bare = url.replace("nats+tls://", "nats://", 1)
            return NatsBroker(bare, service, ack_wait=ack_wait, batches=batches, tls=tls)
        case "memory":
            return MemoryBroker(log_named(parts.netloc))
        case "kafka" | "kafka+tls":
            # only who uses Kafka pays for its client, 10 MB
            from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker  # noqa: PLC0415

            access = access_of(url, mechanism=mechanism, ca=ca)
            return KafkaBroker(access, service, member=Membership(name=replica), options=topics)
        case _:
            raise ValueError(f"unknown broker {parts.scheme!r}: expected kafka, nats or memory")
