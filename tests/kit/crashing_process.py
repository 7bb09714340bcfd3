"""A process that a test kills at a crash point: it relays or consumes one batch.

Usage: crashing_process.py relay|consume DATABASE_URL FOLDER CRASH. Two files in the folder stand
for the broker, with one message per line: `sent` by the relay, `delivered` to the inbox.
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
from tests.kit.counters import Incremented, increment


class FolderBroker(MemoryBroker):
    """A broker whose messages stay in the folder when the process ends."""

    def __init__(self, folder: Path) -> None:
        super().__init__(MemoryLog())
        self._sent = folder / "sent"

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        with self._sent.open("ab") as file:
            file.writelines(msgspec.json.encode(message) + b"\n" for message in messages)
        return await super().send(messages)


async def count_up(tx: Tx, event: Incremented) -> None:
    await increment(tx, event.name)


async def main(work: str, url: str, folder: Path, crash_plan: str) -> None:
    db, crash = Database(url), crash_points(crash_plan)
    if work == "relay":
        broker = FolderBroker(folder)
        await broker.set_up({Incremented.topic: ()})
        await Relay(db, broker, "tests", crash=crash).relay_once()
    else:
        lines = (folder / "delivered").read_bytes().splitlines()
        inbox = Inbox(db, [whenever(Incremented, count_up)], crash=crash)
        await inbox.consume([msgspec.json.decode(line, type=Message) for line in lines])
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
