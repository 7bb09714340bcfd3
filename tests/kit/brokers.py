"""Brokers for the tests of the kit: the one in memory, with somebody looking on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from roadbike.kit.messaging.broker import Mark, Message
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog


class WatchedBroker(MemoryBroker):
    """Remembers each try to publish; `meanwhile` happens while the broker is at it."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.tries: list[Message] = []
        self.tried = asyncio.Event()
        self.trimmed: list[tuple[str, Mark]] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        self.tries.extend(messages)
        self.tried.set()
        marks = await super().send(messages)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return marks

    async def trim(self, topic: str, up_to: Mark) -> None:
        self.trimmed.append((topic, up_to))
        await super().trim(topic, up_to)

    def ids(self) -> list[UUID]:
        return [message.event_id for message in self.tries]


class PowerCut(BaseException):
    """The end of a process, for tests that look at what it leaves behind."""


def power_cut_at(point: str) -> Callable[[str], None]:
    """A crash function that ends whatever reaches that point."""

    def crash(name: str) -> None:
        if name == point:
            raise PowerCut

    return crash
