"""What a message, a topic and a group may be called, and how large a message may be."""

import re
from collections.abc import Sequence
from typing import Final

from roadbike.kit.messaging.broker.port import Message

MAX_DATA: Final = 1_000_000  # bytes of one message; NATS allows 1 MiB including the headers
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
TOPIC: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def topic_of(messages: Sequence[Message]) -> str:
    """Return the topic of messages that are sent together.

    Raises ValueError for several topics, a malformed key or topic, and too much data.
    """
    topics = {message.topic for message in messages}
    if len(topics) != 1:
        raise ValueError(f"messages of one call have one topic, not {sorted(topics)}")
    for message in messages:
        if not NAME.fullmatch(message.key):
            raise ValueError(f"malformed key (letters, digits, - and _): {message.key!r}")
        if len(message.data) > MAX_DATA:
            raise ValueError(
                f"{message.type} {message.event_id} is too large: {len(message.data)} bytes"
            )
    return checked_topic(topics.pop())


def checked_topic(topic: str) -> str:
    """Return the topic. Raises ValueError when it is malformed."""
    if not TOPIC.fullmatch(topic):
        raise ValueError(f"malformed topic: {topic!r}")
    return topic


def checked_group(group: str) -> str:
    """Return the group. Raises ValueError when it is malformed."""
    if not NAME.fullmatch(group):
        raise ValueError(f"malformed group: {group!r}")
    return group
