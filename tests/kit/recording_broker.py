"""A broker in memory that records how it is used."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from roadbike.kit.messaging.broker import Mark, Message
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog


class RecordingBroker(MemoryBroker):
    """Records every attempt to send.

    during_send: called once, after the next messages are in the log and before `send` returns.
    """

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.attempts: list[Message] = []
        self.attempted = asyncio.Event()
        self.trimmed: list[tuple[str, Mark]] = []
        self.during_send: Callable[[], Awaitable[object]] | None = None

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        self.attempts.extend(messages)
        self.attempted.set()
        marks = await super().send(messages)
        if self.during_send is not None:
            during_send, self.during_send = self.during_send, None
            await during_send()
        return marks

    async def trim(self, topic: str, up_to: Mark) -> None:
        self.trimmed.append((topic, up_to))
        await super().trim(topic, up_to)

    def attempted_ids(self) -> list[UUID]:
        return [message.event_id for message in self.attempts]
