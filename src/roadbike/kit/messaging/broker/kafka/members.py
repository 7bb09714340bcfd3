"""How the members of a group behave: their session, their name, the size of their fetches."""

from dataclasses import dataclass
from typing import Any, Final

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

HEARTBEATS_PER_SESSION: Final = 5
FETCH_BYTES: Final = 8 << 20  # of one answer
PARTITION_BYTES: Final = 2 << 20  # of one partition in it; a topic's messages have 1 MiB at most
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
            "partition_assignment_strategy": (RoundRobinPartitionAssignor,),
        }

    def group_id(self, group: str, topic: str) -> str:
        """Return Kafka's name of the group: one for each topic, so that they do not disturb."""
        return f"{group}.{topic}"
