"""The broker port: services send messages to topics, groups consume them, at least once.

The errors, all of which mean "try again later":

    BrokerUnavailable   no connection, no reply in time, or the server refused
      TopicMissing      the set-up job has not made the topic yet, or the broker has lost it
      GroupMissing      the same of a group
      TopicFull         the topic has reached its size limit
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol
from uuid import UUID

LOOKS_AT_ONCE: Final = 32  # at single events of a log


class BrokerUnavailable(Exception):
    """No connection, no reply in time, or the server refused: try again later.

    After `send` the outcome is unknown: send the same messages again.
    """


class TopicMissing(BrokerUnavailable):
    """The topic does not exist: the set-up job makes it, soon if it runs. Nothing was sent."""


class GroupMissing(BrokerUnavailable):
    """The topic has no such group: the set-up job makes it, soon if it runs."""


class TopicFull(BrokerUnavailable):
    """The topic has reached its size limit and keeps its old messages; nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A published event in its envelope, whose fields are CloudEvents 1.0 attributes.

    source: the publishing service. time: of publishing, UTC. data: the event as JSON.
    key: id of the aggregate; letters, digits, `-` and `_`, at most 128 of them.
    A message whose envelope is malformed has an empty type, its data unchanged, and an event_id
    that is the same at each delivery.
    """

    event_id: UUID
    type: str
    source: str
    topic: str
    key: str
    time: datetime
    traceparent: str | None
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The place of a message in the broker: its position in one incarnation of the topic's log.

    A log that was lost and created again has another incarnation. Kafka's has several partitions,
    each with positions of its own; the others have only partition 0. Messages that were sent
    together may share a position: then they are in one message of the broker, in their order.
    """

    position: int
    incarnation: str
    partition: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a group is in the partitions of a topic's log. NATS and memory have one, number 0.

    incarnation: of the log. ends: by partition, the position of the last message that it has or
    had; 0 when there was none. done: by partition, the position up to which the group has
    acknowledged everything; it is the end when nothing is unacknowledged.
    backlog: number of unacknowledged messages, delivered or not; see `lag`.
    """

    incarnation: str
    ends: Mapping[int, int]
    done: Mapping[int, int]
    backlog: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it was delivered to one group.

    position: in the log of its partition, from 1. deliveries: number of deliveries so far, from 1,
    as far as the broker counts them. handle: internal data of the adapter.
    """

    message: Message
    position: int
    partition: int = 0
    deliveries: int
    handle: object = field(repr=False, compare=False)


class Subscription(Protocol):
    """The position of one group in one topic, beginning at the topic's first message.

    It survives lost connections: continue to fetch after BrokerUnavailable. Each message is
    delivered to one member of the group at least once: the first time in the order of its
    partition, again in any order. Messages that share a position are delivered again together, as
    long as one of them is not acknowledged.
    """

    async def fetch(self, at_most: int, wait: float) -> list[Received]:
        """Return up to `at_most` messages; wait for the first one up to `wait` seconds.

        The list is empty when no message came in that time. Raises BrokerUnavailable when the
        broker was unavailable all that time, TopicMissing and GroupMissing when the topic or the
        group does not exist any more.
        """
        ...

    async def ack(self, received: Sequence[Received]) -> None:
        """Acknowledge the messages: they are not delivered again. Call it after the commit.

        Does not raise: while the broker is unavailable, acknowledgements are kept and sent later.
        Acknowledgements that are lost lead to another delivery.
        """
        ...

    async def nak(self, received: Sequence[Received], delay: float) -> None:
        """Ask for redelivery after `delay` seconds. Does not raise."""
        ...

    async def lag(self) -> int:
        """Return the number of unacknowledged messages, delivered or not.

        Where messages share positions it is about that number, by how many shared one of late;
        it is 0 exactly when there are none. Raises BrokerUnavailable.
        """
        ...

    async def progress(self) -> Progress:
        """Return where the topic's log ends, and up to where this group has acknowledged it.

        Raises BrokerUnavailable.
        """
        ...


class Broker(Protocol):
    """The connection of one service to the message broker. Use it from one event loop only."""

    @property
    def name(self) -> str:
        """Return the name of the adapter: `kafka`, `nats` or `memory`."""
        ...

    @property
    def connected(self) -> bool:
        """Return whether there is a connection now."""
        ...

    @property
    def fault(self) -> str:
        """Return why there is no connection, and which setting that is about; empty with one."""
        return ""

    @property
    def refuses(self) -> bool:
        """Return whether the servers refuse this client, and have done so since it was started.

        Then its user, password or certificates are wrong: waiting does not help.
        """
        return False

    @property
    def connections(self) -> int:
        """Return the number of connections so far. A broker loses a log only between two."""
        ...

    async def set_up(self, topics: Mapping[str, Collection[str]]) -> None:
        """Make what is missing: the topics, and the groups that consume each of them.

        A new group begins at the topic's first message. From then on `start_over` of these topics
        is carried out. Only the set-up job may do this. It repeats it, because a broker can lose
        everything. Raises BrokerUnavailable; ValueError for a malformed name.
        """
        ...

    async def start_over(self, topic: str, lost: Mark) -> None:
        """Make sure that each group of the topic gets all messages that are sent from now on.

        Also those that were sent before: NATS recognizes them and does not append them again, so
        each group continues at the first message, in a new generation of the topic. Kafka appends
        all of them behind what any group has read.
        lost: a mark that the log should have, and has not. If it is one of an earlier log, the
        groups of this one are new already.
        Only the publishing service of the topic asks for it; on NATS the set-up job carries it out
        before this returns. Raises BrokerUnavailable, also while no set-up job runs: the outcome
        is unknown then, and it may be repeated.
        """
        ...

    async def take_over(self) -> None:
        """Make this connection the only one that sends the messages of its service.

        What another one is sending now is in the log before this returns, or never will be. On
        NATS and in memory nothing has to be done: there a message that is sent by both is appended
        once, or again as a repeat that comes after the first. Raises BrokerUnavailable.
        """
        ...

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        """Append messages of one topic to its log, in this order; they are durable on return.

        Return their marks in the same order. All messages of a key have the same partition. A
        message whose event_id was sent before may be appended again, and then has another mark:
        NATS recognizes it for some minutes if the same messages are sent together, Kafka does
        not. Consumers have an inbox for that.
        Raises BrokerUnavailable, also when another connection has taken over; TopicMissing,
        TopicFull; ValueError for messages of several topics, a malformed key or topic, and more
        than MAX_DATA bytes.
        """
        ...

    async def subscribe(self, group: str, topic: str) -> Subscription:
        """Return the group's subscription of the topic; members of a group share its messages.

        Raises BrokerUnavailable, TopicMissing, GroupMissing; ValueError for a malformed name.
        """
        ...

    async def exists(self, topic: str) -> bool:
        """Return whether the broker has the topic now. Raises BrokerUnavailable."""
        ...

    async def holds(self, topic: str, mark: Mark, event_id: UUID) -> bool:
        """Return whether the topic's log has this event there, or has had it and was trimmed.

        Only the publishing service of the topic asks. Raises BrokerUnavailable, TopicMissing.
        """
        ...

    async def lost(self, topic: str, sent: Sequence[tuple[Mark, UUID]]) -> list[UUID]:
        """Return those of the sent events of which `holds` is not true; raise what it raises."""
        # events that were sent together may share a place, which the broker then reads once
        places = [list(place) for _, place in groupby(sent, key=itemgetter(0))]
        left, lost = iter(places), []

        async def look() -> None:
            for place in left:  # shared by all: each takes the next one
                for mark, event_id in place:
                    if not await self.holds(topic, mark, event_id):
                        lost.append(event_id)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(LOOKS_AT_ONCE, len(places))):
                group.create_task(look())
        return lost

    async def trim(self, topic: str, older: Mark | None) -> None:
        """Make room in a topic that is nearly full: delete what all its groups have acknowledged.

        Kafka's topics have no limit of size: it deletes by age, and this does nothing there.

        The groups are those that the set-up job should have made: one that is missing has not
        acknowledged anything. First only messages up to the mark `older` are deleted; the later
        ones if the topic is still nearly full. Only the publishing service of the topic does
        this. Raises BrokerUnavailable, TopicMissing.
        """
        ...

    async def weaknesses(self, topic: str) -> list[str]:
        """Return with which settings of the broker the topic could lose what was acknowledged.

        One sentence each, which names the setting. Empty if there are none, or if it cannot be
        asked. Raises BrokerUnavailable, TopicMissing.
        """
        ...

    async def close(self) -> None:
        """Return unacknowledged messages to their groups and close the connection."""
        ...
