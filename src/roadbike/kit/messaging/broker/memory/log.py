"""The log of the broker in memory: what a server is for the other adapters."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Final
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

from roadbike.kit.messaging.broker.port import BrokerUnavailable, Mark, Message, TopicMissing


@dataclass(slots=True)
class Topic:
    """The messages of one topic; the first one has position 1."""

    incarnation: str
    messages: list[Message] = field(default_factory=list)
    positions: dict[UUID, int] = field(default_factory=dict)  # by event id

    def append(self, message: Message) -> Mark:
        """Append the message unless its event id is known; return its mark."""
        position = self.positions.setdefault(message.event_id, len(self.messages) + 1)
        if position > len(self.messages):
            self.messages.append(message)
        return Mark(position=position, incarnation=self.incarnation)

    def holds(self, mark: Mark, event_id: UUID) -> bool:
        """Return whether the event is at the mark."""
        same = self.incarnation == mark.incarnation
        return same and self.positions.get(event_id) == mark.position


@dataclass(slots=True)
class GroupPosition:
    """What one group has fetched from one topic.

    next: the first position that was never delivered. due: by position in flight, the time of its
    next delivery. deliveries: their number by position.
    """

    next: int = 1
    due: dict[int, float] = field(default_factory=dict)
    deliveries: dict[int, int] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)

    def start_over(self) -> None:
        """Begin at the first message again; what is in flight is delivered again, too."""
        self.next = 1
        self.due.clear()

    def acknowledge(self, position: int, *, repeat: bool) -> None:
        """Acknowledge the message; `repeat` delivers it once more, as if that had been lost."""
        if position not in self.due:
            return
        if repeat and position not in self.repeated:
            self.repeated.add(position)
            self.due[position] = -inf
        else:
            del self.due[position]


class MemoryLog:
    """The topics and groups that several memory brokers share.

    ack_wait: seconds until an unacknowledged message is delivered again. now: a clock in seconds.
    Switches for tests: unavailable (every call raises BrokerUnavailable), shuffle (puts the
    messages of each fetch into random order), repeat_acknowledged (delivers each message once
    more after its acknowledgement).
    """

    def __init__(
        self, *, ack_wait: float = 30.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.ack_wait, self.now = ack_wait, now
        self._unavailable = False
        self.lives = 1  # how often it has become available
        self.repeat_acknowledged = False
        self.shuffle: Random | None = None
        self.topics: dict[str, Topic] = {}
        self.positions: dict[tuple[str, str], GroupPosition] = {}  # by group and topic
        self._changed: set[asyncio.Event] = set()

    @property
    def unavailable(self) -> bool:
        """Return whether every call raises BrokerUnavailable."""
        return self._unavailable

    @unavailable.setter
    def unavailable(self, unavailable: bool) -> None:
        self.lives += self._unavailable and not unavailable
        self._unavailable = unavailable
        self.wake_waiting()

    def lose(self) -> None:
        """Lose all messages, as a server does whose disk is replaced; the groups are new, too."""
        for topic in self.topics:
            self.topics[topic] = Topic(str(uuid4()))
        for position in self.positions.values():
            position.start_over()
        self.lives += 1
        self.wake_waiting()

    def topic(self, name: str) -> Topic:
        """Return the topic. Raises BrokerUnavailable, TopicMissing."""
        if self.unavailable:
            raise BrokerUnavailable("switched off")
        if name not in self.topics:
            raise TopicMissing(name)
        return self.topics[name]

    def wake_waiting(self) -> None:
        """Wake every `wait_for_change`."""
        for changed in self._changed:
            changed.set()

    async def wait_for_change(self, within: float) -> None:
        """Wait for a sent or released message or a switch, up to `within` seconds."""
        event = asyncio.Event()
        self._changed.add(event)
        try:
            # asyncio.wait_for of Python 3.11 may swallow a cancellation
            async with asyncio.timeout(within):
                await event.wait()
        except TimeoutError:
            return
        finally:
            self._changed.discard(event)


# Services of one process find their common log by its name in memory://name.
NAMED: Final[WeakValueDictionary[str, MemoryLog]] = WeakValueDictionary()


def log_named(name: str) -> MemoryLog:
    """Return the log of this name in this process; it exists while somebody references it."""
    log = NAMED.get(name)
    if log is None:
        log = NAMED[name] = MemoryLog()
    return log
