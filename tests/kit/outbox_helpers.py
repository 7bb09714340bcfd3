"""Publish events into an outbox, and look at the outbox and at the broker."""

from datetime import timedelta

from sqlalchemy import RowMapping, select, update

from roadbike.kit.db import Database
from roadbike.kit.db.lease import LEASE
from roadbike.kit.messaging.outbox import OUTBOX, publish
from roadbike.kit.messaging.sent import count
from tests.kit.counters import Incremented
from tests.kit.recording_broker import RecordingBroker

TOPIC = Incremented.topic


async def publish_increments(db: Database, *names: str) -> None:
    async with db.begin() as tx:
        for number, name in enumerate(names):
            publish(tx, Incremented(name=name, value=number))


def sent_keys(broker: RecordingBroker) -> list[str]:
    return [message.key for message in broker.log.topics[TOPIC].messages]


async def unsent_count(db: Database) -> int:
    async with db.read() as tx:
        return (await count(tx))["unsent"]


async def outbox_rows(db: Database) -> list[RowMapping]:
    async with db.read() as tx:
        return list(await tx.rows(select(OUTBOX).order_by(OUTBOX.c.seq)))


async def expire_lease(db: Database) -> None:
    """End the term of the lease, as if its holder had been paused."""
    async with db.begin() as tx:
        await tx.execute(update(LEASE).values(until=(await tx.now()) - timedelta(seconds=1)))
