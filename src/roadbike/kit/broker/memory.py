"""The broker in memory: the same promises, for tests and for a shop in one process."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Final
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

from roadbike.kit.broker.port import (
    Broker,
    BrokerAway,
    Mark,
    Message,
    NoTopic,
    Received,
    Subscription,
    checked_group,
    checked_topic,
    one_topic,
)


@dataclass(slots=True)
class Topic:
    incarnation: str
    messages: list[Message] = field(default_factory=list)
    known: dict[UUID, int] = field(default_factory=dict)  # event id → position, from 1


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

    now: seconds of any clock. Switches for tests: away (everything raises BrokerAway),
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

    def broker(self) -> "MemoryBroker":
        """One more broker on this log."""
        return MemoryBroker(self)

    @property
    def away(self) -> bool:
        """Whether everything raises BrokerAway."""
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        self._away = away
        self.tell_waiting()

    def topic(self, name: str) -> Topic:
        """Raises BrokerAway, NoTopic."""
        if self.away:
            raise BrokerAway("switched off")
        if name not in self.topics:
            raise NoTopic(name)
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
            await asyncio.wait_for(event.wait(), within)
        except TimeoutError:
            return
        finally:
            self._changed.discard(event)


class MemoryBroker(Broker):
    name: Final = "memory"

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self._subscriptions: list[MemorySubscription] = []

    @property
    def connected(self) -> bool:
        return not self.log.away

    async def declare(self, topic: str) -> None:
        if self.log.away:
            raise BrokerAway("switched off")
        self.log.topics.setdefault(checked_topic(topic), Topic(str(uuid4())))

    async def publish(self, messages: Sequence[Message]) -> list[Mark]:
        if not messages:
            return []
        topic = self.log.topic(one_topic(messages))
        marks = [_put(topic, message) for message in messages]
        self.log.tell_waiting()
        return marks

    async def subscribe(self, group: str, topic: str) -> "MemorySubscription":
        self.log.topic(checked_topic(topic))
        place = self.log.places.setdefault((checked_group(group), topic), Place())
        subscription = MemorySubscription(self.log, topic, place)
        self._subscriptions.append(subscription)
        return subscription

    async def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.hand_back()


class MemorySubscription(Subscription):
    def __init__(self, log: MemoryLog, topic: str, place: Place) -> None:
        self._log, self._topic, self._place = log, topic, place
        self._out: set[int] = set()

    async def fetch(self, at_most: int, wait: float) -> list[Received]:
        until = time.monotonic() + wait
        while self._log.away and (left := until - time.monotonic()) > 0:
            await self._log.changed(left)
        topic = self._log.topic(self._topic)
        positions = self._next(len(topic.messages), at_most)
        if positions or (left := until - time.monotonic()) <= 0:
            return [self._hand_out(topic, position) for position in positions]
        await self._log.changed(min(left, self._until_due()))
        return await self.fetch(at_most, until - time.monotonic())

    async def ack(self, received: Sequence[Received]) -> None:
        for one in received:
            self._out.discard(one.position)
            self._place.acknowledge(one.position, again=self._log.twice)

    async def nak(self, received: Sequence[Received], delay: float) -> None:
        for one in received:
            self._out.discard(one.position)
            if one.position in self._place.due:
                self._place.due[one.position] = self._log.now() + delay
        self._log.tell_waiting()

    async def lag(self) -> int:
        topic = self._log.topic(self._topic)
        return len(topic.messages) - self._place.next + 1 + len(self._place.due)

    def hand_back(self) -> None:
        """What was handed out and not acknowledged is for any member now."""
        now = self._log.now()
        self._place.due.update((at, now) for at in self._out & self._place.due.keys())
        self._out.clear()
        self._log.tell_waiting()

    def _next(self, last: int, at_most: int) -> list[int]:
        now, place = self._log.now(), self._place
        again = sorted(at for at, due in place.due.items() if due <= now)[:at_most]
        stop = min(last + 1, place.next + at_most - len(again))
        positions = [*again, *range(place.next, stop)]
        place.next = stop
        if self._log.shuffle is not None:
            self._log.shuffle.shuffle(positions)
        return positions

    def _hand_out(self, topic: Topic, position: int) -> Received:
        place = self._place
        place.due[position] = self._log.now() + self._log.ack_wait
        place.deliveries[position] = place.deliveries.get(position, 0) + 1
        self._out.add(position)
        return Received(
            message=topic.messages[position - 1],
            position=position,
            deliveries=place.deliveries[position],
            handle=None,
        )

    def _until_due(self) -> float:
        return max(min(self._place.due.values(), default=inf) - self._log.now(), 0)


# What a server is for the other adapters: services of one process meet here, and only by name.
NAMED: Final[WeakValueDictionary[str, MemoryLog]] = WeakValueDictionary()


def log_named(name: str) -> MemoryLog:
    """The log that all callers of this name in this process share, while anyone holds it."""
    log = NAMED.get(name)
    if log is None:
        log = NAMED[name] = MemoryLog()
    return log


def _put(topic: Topic, message: Message) -> Mark:
    """A message that is known by its id stays where it is."""
    position = topic.known.setdefault(message.event_id, len(topic.messages) + 1)
    if position > len(topic.messages):
        topic.messages.append(message)
    return Mark(position=position, incarnation=topic.incarnation)
