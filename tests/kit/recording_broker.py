"""A broker in memory that records how it is used."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from roadbike.kit.messaging.broker import Mark, Message, TopicFull
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog


class RecordingBroker(MemoryBroker):
    """Records every attempt to send.

    during_send: called once, after the next messages are in the log and before `send` returns.
    """

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.attempts: list[Message] = []
        self.attempted = asyncio.Event()
        self.trimmed: list[tuple[str, Mark | None]] = []
        self.started_over: list[Mark] = []
        self.is_full = False  # then `send` raises TopicFull until the next trim
        self.during_send: Callable[[], Awaitable[object]] | None = None

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        self.attempts.extend(messages)
        self.attempted.set()
        if self.is_full:
            raise TopicFull
        marks = await super().send(messages)
        if self.during_send is not None:
            during_send, self.during_send = self.during_send, None
            await during_send()
        return marks

    async def trim(self, topic: str, older: Mark | None) -> None:
        self.trimmed.append((topic, older))
        await super().trim(topic, older)
        self.is_full = False

    async def start_over(self, topic: str, lost: Mark) -> None:
        self.started_over.append(lost)
        await super().start_over(topic, lost)

    def attempted_ids(self) -> list[UUID]:
        return [message.event_id for message in self.attempts]
