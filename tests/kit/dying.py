"""A process of the tests that may be killed at a crash point: it relays or takes, once.

Usage: dying.py relay|take DATABASE_URL FOLDER CRASH. The broker is a folder: what is published
lies in `published`, a line a message, and what is to be taken in `delivered`.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from roadbike.kit.crash import crash_points
from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Mark, Message
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.messaging.relay import Relay
from roadbike.kit.process.service import whenever
from tests.kit.things import Raised, raise_counter


class FolderBroker(MemoryBroker):
    """Outlives the process that publishes through it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(MemoryLog())
        self._published = folder / "published"

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        with self._published.open("ab") as file:
            file.writelines(msgspec.json.encode(message) + b"\n" for message in messages)
        return await super().send(messages)


async def count_up(tx: Tx, event: Raised) -> None:
    await raise_counter(tx, event.name)


async def main(work: str, url: str, folder: Path, crash_plan: str) -> None:
    db, crash = Database(url), crash_points(crash_plan)
    if work == "relay":
        broker = FolderBroker(folder)
        await broker.declare(Raised.topic)
        await Relay(db, broker, "tests", crash=crash).relay_once()
    else:
        lines = (folder / "delivered").read_bytes().splitlines()
        inbox = Inbox(db, [whenever(Raised, count_up)], crash=crash)
        await inbox.take([msgspec.json.decode(line, type=Message) for line in lines])
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
