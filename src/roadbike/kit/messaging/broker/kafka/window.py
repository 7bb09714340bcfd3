"""What one member of a group has fetched from one partition and not acknowledged yet."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Final
from uuid import UUID

from roadbike.kit.messaging.broker.port import Received

MAX_OPEN: Final = 2_000  # unacknowledged messages of a partition, before no more are fetched


@dataclass(slots=True)
class Open:
    """A message that waits for its acknowledgement. due: the time of its next delivery."""

    received: Received
    due: float


class Window:
    """The unacknowledged messages of one partition, and the low-water mark below them.

    Offsets are Kafka's: a message's position minus 1. Kafka stores only one offset per partition:
    the low-water mark, below which every message is acknowledged.
    ack_wait: seconds until an unacknowledged message is delivered again.
    """

    def __init__(self, ack_wait: float) -> None:
        self.position: int | None = None  # the next offset to fetch; None before the first one
        self.committed: int | None = None
        self._ack_wait = ack_wait
        self._open: dict[int, Open] = {}  # in the order of offsets
        self._done: dict[int, UUID] = {}  # acknowledged, not below the low-water mark yet
        self._last: tuple[int, UUID] | None = None  # the last message below the low-water mark
        self._returned: set[int] = set()  # those with a nak

    @property
    def takes_more(self) -> bool:
        """Return whether more messages may be fetched: not while returned ones wait."""
        return not self._returned and len(self._open) < MAX_OPEN

    @property
    def low(self) -> int | None:
        """Return the offset below which everything is acknowledged."""
        return next(iter(self._open), self.position)

    @property
    def unacknowledged(self) -> int:
        """Return the number of messages that are delivered and not acknowledged."""
        return len(self._open)

    @property
    def to_commit(self) -> tuple[int, str] | None:
        """Return the low-water mark and a note, if Kafka does not have them yet."""
        low = self.low
        if low is None or low <= (self.committed or 0):
            return None
        return low, "" if self._last is None else f"{self._last[0]} {self._last[1]}"

    def deliver(self, received: Received, now: float) -> Received:
        """Add a message that was fetched just now."""
        offset = received.position - 1
        self._open[offset] = Open(received, now + self._ack_wait)
        self.position = offset + 1
        return received

    def due(self, now: float) -> Iterator[Received]:
        """Deliver the messages again that are due, in the order of offsets."""
        for offset, each in self._open.items():
            if each.due <= now:
                self._returned.discard(offset)
                again = each.received.deliveries + 1
                each.received = replace(each.received, deliveries=again)
                each.due = now + self._ack_wait
                yield each.received

    def next_due(self) -> float:
        """Return when the next message is due."""
        return min((each.due for each in self._open.values()), default=inf)

    def ack(self, position: int) -> None:
        """Acknowledge the message; nothing happens if it was acknowledged before."""
        offset = position - 1
        if (each := self._open.pop(offset, None)) is None:
            return
        self._returned.discard(offset)
        self._done[offset] = each.received.message.event_id
        low = self.low or 0
        for below in sorted(offset for offset in self._done if offset < low):
            self._last = below, self._done.pop(below)

    def nak(self, position: int, due: float) -> None:
        """Deliver the message again at that time."""
        if (each := self._open.get(position - 1)) is not None:
            each.due = due
            self._returned.add(position - 1)

    def advance(self, position: int) -> None:
        """Take the position of the fetches, which also pass marks that are no messages."""
        self.position = max(position, self.position or 0)


def last_acknowledged(note: str) -> tuple[int, UUID] | None:
    """Return the offset and the event of a committed note; None for an empty or foreign one."""
    offset, _, event_id = note.partition(" ")
    try:
        return int(offset), UUID(event_id)
    except ValueError:
        return None
