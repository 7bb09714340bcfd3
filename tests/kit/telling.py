"""Events told into an outbox, and what has become of them."""

from datetime import timedelta

from sqlalchemy import RowMapping, select, update

from roadbike.kit.db import Database
from roadbike.kit.db.lease import LEASE
from roadbike.kit.messaging.outbox import OUTBOX, publish
from roadbike.kit.messaging.relay import count
from tests.kit.brokers import WatchedBroker
from tests.kit.things import Raised

TOPIC = Raised.topic


async def tell_of(db: Database, *names: str) -> None:
    async with db.begin() as tx:
        for number, name in enumerate(names):
            publish(tx, Raised(name=name, value=number))


def published(broker: WatchedBroker) -> list[str]:
    return [message.key for message in broker.log.topics[TOPIC].messages]


async def unpublished(db: Database) -> int:
    async with db.read() as tx:
        return (await count(tx))["unsent"]


async def outbox(db: Database) -> list[RowMapping]:
    async with db.read() as tx:
        return list(await tx.rows(select(OUTBOX).order_by(OUTBOX.c.seq)))


async def expire_lease(db: Database) -> None:
    """As if the holder had been silent for its whole term."""
    async with db.begin() as tx:
        await tx.execute(update(LEASE).values(until=(await tx.now()) - timedelta(seconds=1)))
