"""A relay and a real NATS server that loses its disk, or gets an older one back."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from roadbike.kit.db import Database
from roadbike.kit.messaging.broker import BrokerUnavailable, Subscription
from roadbike.kit.messaging.broker.nats import NatsBroker
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.messaging.relay import Relay
from tests.kit.broker.conftest import ConnectNats
from tests.kit.broker.nats_server import NatsServer
from tests.kit.counters import Incremented, make_tables

T = TypeVar("T")

TOPIC = Incremented.topic
GROUPS = {TOPIC: ("consumer",)}


class Parts:
    """A relay with its outbox, a consumer, and the set-up job."""

    def __init__(self, db: Database, relay: Relay, set_up: NatsBroker, group: Subscription) -> None:
        self.db, self.relay, self.set_up, self.group = db, relay, set_up, group

    async def publish(self, *names: str) -> None:
        async with self.db.begin() as tx:
            for name in names:
                publish(tx, Incremented(name=name, value=1))

    async def relay_all(self) -> None:
        """Relay until nothing is left."""
        while await available(self.relay.relay_once):
            pass

    async def consume(self) -> set[str]:
        """Return the keys of all messages that are left; those may be delivered again."""
        keys = set()
        async with asyncio.timeout(20):
            while await available(self.group.lag):
                received = await self.group.fetch(10, 0.2)
                await self.group.ack(received)
                keys |= {each.message.key for each in received}
        return keys


async def available(call: Callable[[], Awaitable[T]]) -> T:
    """Return the result of the call; repeat it while the broker is unavailable."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await call()
            except BrokerUnavailable:
                await asyncio.sleep(0.02)


@pytest.fixture
async def parts(
    sqlite_url: str, open_database: Callable[[str], Database], connect_nats: ConnectNats
) -> Parts:
    db = open_database(sqlite_url)
    await make_tables(db)
    set_up = await connect_nats("set-up")
    await set_up.set_up(GROUPS)
    publisher, consumer = await connect_nats("tests"), await connect_nats("consumer")
    return Parts(
        db, Relay(db, publisher, "tests"), set_up, await consumer.subscribe("consumer", TOPIC)
    )


async def restart(server: NatsServer, parts: Parts) -> None:
    server.start()
    await available(lambda: parts.set_up.set_up(GROUPS))


async def test_after_the_disk_was_replaced_consumers_get_all_kept_events(
    nats_server: NatsServer, parts: Parts
) -> None:
    await parts.publish("a", "b")
    await parts.relay_all()
    assert await parts.consume() == {"a", "b"}
    await parts.publish("c")
    await parts.relay_all()

    nats_server.kill()
    nats_server.delete_data()
    await parts.publish("d")
    await restart(nats_server, parts)
    await parts.relay_all()

    assert await parts.consume() == {"a", "b", "c", "d"}


async def test_after_an_older_disk_came_back_consumers_get_all_kept_events(
    nats_server: NatsServer, parts: Parts, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    await parts.publish("a", "b")
    await parts.relay_all()
    assert await parts.consume() == {"a", "b"}
    nats_server.kill()
    shutil.copytree(data, tmp_path / "older")
    await restart(nats_server, parts)
    await parts.publish("c", "d")
    await parts.relay_all()
    assert await parts.consume() >= {"c", "d"}

    nats_server.kill()
    shutil.rmtree(data)
    (tmp_path / "older").rename(data)
    await restart(nats_server, parts)
    await parts.relay_all()

    assert await parts.consume() == {"a", "b", "c", "d"}
