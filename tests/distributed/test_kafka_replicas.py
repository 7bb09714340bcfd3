"""Three replicas of a consumer share six partitions: each event takes effect once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import BrokerUnavailable, Subscription
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.messaging.relay import Relay
from roadbike.kit.process.service import whenever
from tests.distributed.conftest import Connecting
from tests.distributed.kafka_server import KafkaCluster
from tests.kit.counters import Counter, Incremented, counters, make_tables, value

pytestmark = pytest.mark.distributed

TOPIC = Incremented.topic
NAMES = [f"counter-{number}" for number in range(40)]
EVENTS = 25  # of each counter


async def count(tx: Tx, event: Incremented) -> None:
    counter = await counters.locked(tx, event.name) or Counter(name=event.name)
    counters.save(tx, replace(counter, value=counter.value + 1))


async def consume(subscription: Subscription, db: Database) -> None:
    """Consume as a service does, until it is cancelled."""
    inbox = Inbox(db, [whenever(Incremented, count)])
    while True:
        try:
            received = await subscription.fetch(50, 1)
            await inbox.consume([each.message for each in received])
            await subscription.ack(received)
        except BrokerUnavailable:
            await asyncio.sleep(0.1)


async def publish_all(db: Database) -> None:
    for _ in range(EVENTS):
        async with db.begin() as tx:
            for name in NAMES:
                publish(tx, Incremented(name=name))


async def total(db: Database) -> int:
    return sum([await value(db, name) for name in NAMES])


async def test_each_event_is_applied_once_by_replicas_that_come_and_go(
    one_server: KafkaCluster,
    connecting: Connecting,
    new_database: Callable[..., str],
    open_database: Callable[[str], Database],
) -> None:
    source = open_database(new_database("sqlite"))
    target = open_database(new_database("postgresql"))
    for db in (source, target):
        await make_tables(db)
    sender = await connecting.to(one_server, Incremented.source)
    await sender.set_up({TOPIC: ("counter",)})
    await publish_all(source)
    relay = Relay(source, sender, Incremented.source)
    names = ("counter-1", "counter-2", "counter-3")
    brokers = [await connecting.to(one_server, "counter", replica=name) for name in names]
    groups = [await broker.subscribe("counter", TOPIC) for broker in brokers]
    replicas = [asyncio.create_task(consume(group, target)) for group in groups]

    while await relay.relay_once():
        replicas[0].cancel()  # it leaves messages that it has not acknowledged
        await asyncio.wait({replicas[0]})
        replicas[0] = asyncio.create_task(consume(groups[0], target))
    await brokers[2].close()  # the others go on with its partitions
    await publish_all(source)
    while await relay.relay_once():
        pass

    async with asyncio.timeout(90):
        while await total(target) < 2 * EVENTS * len(NAMES):  # noqa: ASYNC110  in a database
            await asyncio.sleep(0.2)
    for task in replicas:
        task.cancel()
    assert {await value(target, name) for name in NAMES} == {2 * EVENTS}
