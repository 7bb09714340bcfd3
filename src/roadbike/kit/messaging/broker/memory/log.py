"""What stands in memory where the other adapters have a server."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from roadbike.kit.messaging.broker.port import BrokerUnavailable, Mark, Message, TopicMissing


@dataclass(slots=True)
class Topic:
    incarnation: str
    messages: list[Message] = field(default_factory=list)
    known: dict[UUID, int] = field(default_factory=dict)  # event id → position, from 1

    def put(self, message: Message) -> Mark:
        """A message that is known by its id stays where it is."""
        position = self.known.setdefault(message.event_id, len(self.messages) + 1)
        if position > len(self.messages):
            self.messages.append(message)
        return Mark(position=position, incarnation=self.incarnation)


@dataclass(slots=True)
class Place:
    """Where one group stands in one topic."""

    next: int = 1
    due: dict[int, float] = field(default_factory=dict)  # in flight → when it comes again
    deliveries: dict[int, int] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)

    def acknowledge(self, position: int, *, again: bool) -> None:
        """again: let it come once more, as if the acknowledgement had been lost."""
        if position not in self.due:
            return
        if again and position not in self.repeated:
            self.repeated.add(position)
            self.due[position] = -inf
        else:
            del self.due[position]


class MemoryLog:
    """What all brokers of one name share; it lives as long as one of them.

    now: seconds of any clock. Switches for tests: away (everything raises BrokerUnavailable),
    shuffle (order of what a fetch gives), twice (each message comes once more after its ack).
    """

    def __init__(
        self, *, ack_wait: float = 30.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.ack_wait, self.now = ack_wait, now
        self._away = False
        self.twice = False
        self.shuffle: Random | None = None
        self.topics: dict[str, Topic] = {}
        self.places: dict[tuple[str, str], Place] = {}
        self._changed: set[asyncio.Event] = set()

    @property
    def away(self) -> bool:
        """Whether everything raises BrokerUnavailable."""
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        self._away = away
        self.tell_waiting()

    def topic(self, name: str) -> Topic:
        """Raises BrokerUnavailable, TopicMissing."""
        if self.away:
            raise BrokerUnavailable("switched off")
        if name not in self.topics:
            raise TopicMissing(name)
        return self.topics[name]

    def tell_waiting(self) -> None:
        """Something has changed: wake those who wait for it."""
        for changed in self._changed:
            changed.set()

    async def changed(self, within: float) -> None:
        """Until something was published, handed back or switched, or the time is over."""
        event = asyncio.Event()
        self._changed.add(event)
        try:
            async with asyncio.timeout(within):  # wait_for of 3.11 may swallow a cancellation
                await event.wait()
        except TimeoutError:
            return
        finally:
            self._changed.discard(event)


# What a server is for the other adapters: services of one process meet here, and only by name.
NAMED: Final[WeakValueDictionary[str, MemoryLog]] = WeakValueDictionary()


def log_named(name: str) -> MemoryLog:
    """The log that all callers of this name in this process share, while anyone holds it."""
    log = NAMED.get(name)
    if log is None:
        log = NAMED[name] = MemoryLog()
    return log
