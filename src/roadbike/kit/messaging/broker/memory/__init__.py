"""The broker port in memory, for tests and for all services in one process."""

import time
from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import Final
from uuid import UUID, uuid4

from roadbike.kit.messaging.broker.memory.log import GroupPosition, MemoryLog, Topic, log_named
from roadbike.kit.messaging.broker.names import checked_group, checked_topic, topic_of
from roadbike.kit.messaging.broker.port import (
    Broker,
    BrokerUnavailable,
    GroupMissing,
    Mark,
    Message,
    Progress,
    Received,
    Subscription,
    TopicMissing,
)

__all__ = ["MemoryBroker", "MemoryLog", "log_named"]


class MemoryBroker(Broker):
    """A connection to a MemoryLog; brokers of the same log exchange messages."""

    name: Final = "memory"

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self._subscriptions: dict[tuple[str, str], MemorySubscription] = {}

    @property
    def connected(self) -> bool:
        return not self.log.unavailable

    @property
    def connections(self) -> int:
        return self.log.lives

    async def set_up(self, topics: Mapping[str, Collection[str]]) -> None:
        if self.log.unavailable:
            raise BrokerUnavailable("switched off")
        for topic, groups in topics.items():
            self.log.topics.setdefault(checked_topic(topic), Topic(str(uuid4())))
            for group in groups:
                self.log.positions.setdefault((checked_group(group), topic), GroupPosition())
        self.log.wake_waiting()

    async def start_over(self, topic: str, lost: Mark) -> None:
        if self.log.topic(checked_topic(topic)).incarnation != lost.incarnation:
            return
        for group, of_topic in list(self.log.positions):
            if of_topic == topic:
                self.log.positions[group, topic].start_over()
        self.log.wake_waiting()

    async def take_over(self) -> None:
        """Do nothing: a message that two connections send is not appended twice."""

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        if not messages:
            return []
        topic = self.log.topic(topic_of(messages))
        marks = [topic.append(message) for message in messages]
        self.log.wake_waiting()
        return marks

    async def subscribe(self, group: str, topic: str) -> "MemorySubscription":
        self.log.topic(checked_topic(topic))
        key = checked_group(group), topic
        if key not in self.log.positions:
            raise GroupMissing(f"{group} of {topic}")
        position = self.log.positions[key]
        new = MemorySubscription(self.log, topic, position)
        return self._subscriptions.setdefault(key, new)

    async def exists(self, topic: str) -> bool:
        try:
            self.log.topic(checked_topic(topic))
        except TopicMissing:
            return False
        return True

    async def holds(self, topic: str, mark: Mark, event_id: UUID) -> bool:
        return self.log.topic(checked_topic(topic)).holds(mark, event_id)

    async def trim(self, topic: str, older: Mark | None) -> None:  # noqa: ARG002 it has no limit
        self.log.topic(checked_topic(topic))

    async def weaknesses(self, topic: str) -> list[str]:
        self.log.topic(checked_topic(topic))
        return []

    async def close(self) -> None:
        for subscription in self._subscriptions.values():
            subscription.release()


class MemorySubscription(Subscription):
    """The messages that one member of a group has fetched from a topic."""

    def __init__(self, log: MemoryLog, topic: str, group: GroupPosition) -> None:
        self._log, self._topic, self._group = log, topic, group
        self._in_flight: set[int] = set()  # positions fetched here and not acknowledged yet

    async def fetch(self, at_most: int, wait: float) -> list[Received]:
        deadline = time.monotonic() + wait
        while True:
            left = deadline - time.monotonic()
            if self._log.unavailable and left > 0:
                await self._log.wait_for_change(left)
                continue
            topic = self._log.topic(self._topic)
            positions = self._next(len(topic.messages), at_most)
            if positions or left <= 0:
                return [self._deliver(topic, position) for position in positions]
            await self._log.wait_for_change(min(left, self._seconds_until_due()))

    async def ack(self, received: Sequence[Received]) -> None:
        for each in received:
            self._in_flight.discard(each.position)
            self._group.acknowledge(each.position, repeat=self._log.repeat_acknowledged)
        self._log.wake_waiting()

    async def nak(self, received: Sequence[Received], delay: float) -> None:
        for each in received:
            self._in_flight.discard(each.position)
            if each.position in self._group.due:
                self._group.due[each.position] = self._log.now() + delay
        self._log.wake_waiting()

    async def lag(self) -> int:
        topic = self._log.topic(self._topic)
        return len(topic.messages) - self._group.next + 1 + len(self._group.due)

    async def progress(self) -> Progress:
        topic, group = self._log.topic(self._topic), self._group
        return Progress(
            incarnation=topic.incarnation,
            ends={0: len(topic.messages)},
            done={0: min(group.due, default=group.next) - 1},
            backlog=await self.lag(),
        )

    def release(self) -> None:
        """Let other members of the group fetch what is not acknowledged here."""
        now = self._log.now()
        released = self._in_flight & self._group.due.keys()
        self._group.due.update((position, now) for position in released)
        self._in_flight.clear()
        self._log.wake_waiting()

    def _next(self, last: int, at_most: int) -> list[int]:
        now, group = self._log.now(), self._group
        again = sorted(position for position, due in group.due.items() if due <= now)[:at_most]
        stop = min(last + 1, group.next + at_most - len(again))
        positions = [*again, *range(group.next, stop)]
        group.next = stop
        if self._log.shuffle is not None:
            self._log.shuffle.shuffle(positions)
        return positions

    def _deliver(self, topic: Topic, position: int) -> Received:
        group = self._group
        group.due[position] = self._log.now() + self._log.ack_wait
        group.deliveries[position] = group.deliveries.get(position, 0) + 1
        self._in_flight.add(position)
        return Received(
            message=topic.messages[position - 1],
            position=position,
            deliveries=group.deliveries[position],
            handle=None,
        )

    def _seconds_until_due(self) -> float:
        return max(min(self._group.due.values(), default=inf) - self._log.now(), 0)
