"""What every broker does for us: topics are told, groups hear them, at least once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

MAX_DATA: Final = 1_000_000  # bytes of one message; the brokers' own limit of 1 MiB counts headers
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
TOPIC: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class BrokerUnavailable(Exception):
    """No connection, no answer, a refusal: try again later.

    For `publish` the outcome is unknown, so the same messages are to be published again.
    """


class TopicMissing(BrokerUnavailable):
    """The topic was not declared by its teller yet; nothing was published."""


class TopicFull(BrokerUnavailable):
    """The topic has reached its limit and deletes nothing to make room; nothing more was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A told event in its envelope, whose fields are CloudEvents 1.0 attributes.

    time: UTC. key: letters, digits, `-` and `_` only (a UUID, an integer). data: JSON.
    An envelope that cannot be read arrives with an empty type, the data untouched, and an
    event_id that is the same at each delivery.
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
    """Where the broker has put a message: its number in one incarnation of the topic's log.

    A log that was lost and made again has another incarnation.
    """

    position: int
    incarnation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as one group got it.

    deliveries: how often by now, from 1, as far as the broker counts. handle: the broker's own.
    """

    message: Message
    position: int
    deliveries: int
    handle: object = field(repr=False, compare=False)


class Subscription(Protocol):
    """One group's place in one topic, from the topic's first message on.

    It survives lost connections: go on fetching after BrokerUnavailable. Messages come at least
    once: first in the topic's order, one member of the group alone; those that come again, in any.
    """

    async def fetch(self, at_most: int, wait: float) -> list[Received]:
        """What is there, at most that many; waits for a first message up to `wait` seconds.

        [] when nothing came. Raises BrokerUnavailable when the broker was away for that long, and
        TopicMissing when the topic is gone.
        """
        ...

    async def ack(self, received: Sequence[Received]) -> None:
        """Never again, please: call it after the commit.

        Does not raise: what cannot be said now is said later, or the message comes again.
        """
        ...

    async def nak(self, received: Sequence[Received], delay: float) -> None:
        """Again, please, in `delay` seconds. Does not raise."""
        ...

    async def lag(self) -> int:
        """Return how many messages are not acknowledged: not delivered yet, and in flight.

        Raises BrokerUnavailable.
        """
        ...


class Broker(Protocol):
    """The one thing that services share at run time. Used from one event loop."""

    @property
    def name(self) -> str:
        """Which broker it is: `nats`, `memory`."""
        ...

    @property
    def connected(self) -> bool:
        """Whether it could be asked right now."""
        ...

    async def declare(self, topic: str) -> None:
        """Make the topic (only its teller does), or see that it is there. Raises BrokerUnavailable.

        What was declared once is made again by `publish`, should the broker have lost it.
        """
        ...

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        """Put messages of one topic into its log, in this order; durable when this returns.

        Marks in the order of the messages; a message that is known already (same event_id, some
        minutes at least) has the mark of its first time. Raises BrokerUnavailable, TopicMissing,
        TopicFull; ValueError for messages that can never be published.
        """
        ...

    async def subscribe(self, group: str, topic: str) -> Subscription:
        """The group's place in the topic; members of a group share its messages.

        Raises BrokerUnavailable, TopicMissing.
        """
        ...

    async def trim(self, topic: str, up_to: Mark) -> None:
        """Forget the topic's messages up to that one, should it be nearly full.

        What any group has not acknowledged stays. Only the topic's teller does this. Raises
        BrokerUnavailable, TopicMissing.
        """
        ...

    async def close(self) -> None:
        """Hand back what was fetched and not acknowledged, and go."""
        ...


def one_topic(messages: Sequence[Message]) -> str:
    """The topic of messages that may be published together; ValueError says what is wrong."""
    topics = {message.topic for message in messages}
    if len(topics) != 1:
        raise ValueError(f"one topic a call, not {sorted(topics)}")
    for message in messages:
        if not NAME.fullmatch(message.key):
            raise ValueError(f"a key has letters, digits, - and _: {message.key!r}")
        if len(message.data) > MAX_DATA:
            raise ValueError(f"{message.type} {message.event_id}: {len(message.data)} bytes")
    return checked_topic(topics.pop())


def checked_topic(topic: str) -> str:
    """The topic, if it is a name; ValueError if not."""
    if not TOPIC.fullmatch(topic):
        raise ValueError(f"no name of a topic: {topic!r}")
    return topic


def checked_group(group: str) -> str:
    """The group, if it is a name; ValueError if not."""
    if not NAME.fullmatch(group):
        raise ValueError(f"no name of a group: {group!r}")
    return group
