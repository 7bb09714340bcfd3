"""How topics are made, and how the members of groups behave."""

from dataclasses import dataclass
from typing import Any, Final

HEARTBEATS_PER_SESSION: Final = 10
FETCH_BYTES: Final = 8 << 20  # of one answer
PARTITION_BYTES: Final = 2 << 20  # of one partition in it; a topic's messages have 1 MiB at most
HOUR_MS: Final = 3_600_000
POLL_SECONDS: Final = 600  # a member that fetches nothing for so long gives its partitions up


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """One process as a member of its groups.

    name: stays the same over restarts, so that a restart moves no partition (static membership);
    empty: the server gives it another one each time.
    session: seconds without a heartbeat until its partitions go to other members.
    ack_wait: seconds until a message that it has not acknowledged is delivered to it again.
    """

    name: str = ""
    session: float = 10.0
    ack_wait: float = 30.0

    @property
    def options(self) -> dict[str, Any]:
        """Return the arguments of its consumers."""
        return {
            "group_instance_id": self.name or None,
            "session_timeout_ms": int(self.session * 1000),
            "heartbeat_interval_ms": int(self.session * 1000 / HEARTBEATS_PER_SESSION),
            "max_poll_interval_ms": POLL_SECONDS * 1000,
            "fetch_max_bytes": FETCH_BYTES,
            "max_partition_fetch_bytes": PARTITION_BYTES,
        }

    def group_id(self, group: str, topic: str) -> str:
        """Return Kafka's name of the group: one for each topic, so that they do not disturb."""
        return f"{group}.{topic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOptions:
    """How topics are made; those that exist stay as they are.

    partitions: cannot be changed later without losing the order of each key.
    replication: number of copies. min_in_sync: how many of them have an event before it counts as
    sent. hours: how long an event is kept, read or not.
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
