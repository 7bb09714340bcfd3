"""The rooms of a process: connections to the database that one kind of work has for itself.

A crowd of one kind so leaves connections for the others. The limits of each room are those of
PostgreSQL's sessions; why they are needed stands in docs/decisions/0018-processes-that-hang.md.
"""

from dataclasses import dataclass
from typing import Final

# A process that hangs (SIGSTOP, a paused machine, a lost network) keeps its transaction open and
# with it the locks that others wait for. PostgreSQL ends such a session after this time, so it
# also says for how long the others stand still.
IDLE_IN_TRANSACTION_MS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The connections for one kind of work. name: in the metrics.

    wait_seconds: for a free connection. lock_ms: for a lock of another transaction.
    statement_ms: for a whole statement.
    """

    name: str
    connections: int
    wait_seconds: float
    lock_ms: int
    statement_ms: int


# A request is answered within 2 s. In a batch (kit.resilience.batching) it waits for the end of
# the batch before its own, so that it meets the limit for locks twice.
READS: Final = Room(name="reads", connections=3, wait_seconds=1.0, lock_ms=500, statement_ms=1_000)
WRITES: Final = Room(
    name="writes", connections=4, wait_seconds=1.0, lock_ms=500, statement_ms=1_500
)
# For the inbox, the relay and timed work; one of them only listens (kit.db.wakeup).
BACKGROUND: Final = Room(
    name="background", connections=5, wait_seconds=2.0, lock_ms=1_000, statement_ms=10_000
)
ROOMS: Final = (READS, WRITES, BACKGROUND)
CONNECTIONS_PER_PROCESS: Final = sum(room.connections for room in ROOMS)
