"""The broker in memory: the same promises, for tests and for a shop in one process."""

import time
from collections.abc import Sequence
from math import inf
from typing import Final
from uuid import uuid4

from roadbike.kit.messaging.broker.memory.log import MemoryLog, Place, Topic, log_named
from roadbike.kit.messaging.broker.port import (
    Broker,
    BrokerUnavailable,
    Mark,
    Message,
    Received,
    Subscription,
    checked_group,
    checked_topic,
    one_topic,
)

__all__ = ["MemoryBroker", "MemoryLog", "log_named"]


class MemoryBroker(Broker):
    name: Final = "memory"

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self._subscriptions: dict[tuple[str, str], MemorySubscription] = {}

    @property
    def connected(self) -> bool:
        return not self.log.away

    async def declare(self, topic: str) -> None:
        if self.log.away:
            raise BrokerUnavailable("switched off")
        self.log.topics.setdefault(checked_topic(topic), Topic(str(uuid4())))

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        if not messages:
            return []
        topic = self.log.topic(one_topic(messages))
        marks = [topic.put(message) for message in messages]
        self.log.tell_waiting()
        return marks

    async def subscribe(self, group: str, topic: str) -> "MemorySubscription":
        self.log.topic(checked_topic(topic))
        key = checked_group(group), topic
        place = self.log.places.setdefault(key, Place())
        return self._subscriptions.setdefault(key, MemorySubscription(self.log, topic, place))

    async def trim(self, topic: str, up_to: Mark) -> None:  # noqa: ARG002 it is never full
        self.log.topic(checked_topic(topic))

    async def close(self) -> None:
        for subscription in self._subscriptions.values():
            subscription.hand_back()


class MemorySubscription(Subscription):
    def __init__(self, log: MemoryLog, topic: str, place: Place) -> None:
        self._log, self._topic, self._place = log, topic, place
        self._out: set[int] = set()

    async def fetch(self, at_most: int, wait: float) -> list[Received]:
        until = time.monotonic() + wait
        while True:
            left = until - time.monotonic()
            if self._log.away and left > 0:
                await self._log.changed(left)
                continue
            topic = self._log.topic(self._topic)
            positions = self._next(len(topic.messages), at_most)
            if positions or left <= 0:
                return [self._hand_out(topic, position) for position in positions]
            await self._log.changed(min(left, self._until_due()))

    async def ack(self, received: Sequence[Received]) -> None:
        for one in received:
            self._out.discard(one.position)
            self._place.acknowledge(one.position, again=self._log.twice)
        self._log.tell_waiting()

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
