"""The relay sends every published event, in order, despite crashes and failures."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import update

from roadbike.kit.db import Database
from roadbike.kit.messaging.broker import BrokerUnavailable
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.relay import RELAY_BATCH, Relay
from roadbike.kit.messaging.sent import OUTBOX_RETENTION, delete_sent
from tests.kit.counters import Incremented
from tests.kit.outbox_helpers import (
    TOPIC,
    expire_lease,
    outbox_rows,
    publish_increments,
    sent_keys,
    unsent_count,
)
from tests.kit.power_cut import PowerCut, power_cut_at
from tests.kit.recording_broker import RecordingBroker


async def stop(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.wait([running])


async def test_an_event_is_sent_with_its_envelope(db: Database, broker: RecordingBroker) -> None:
    await publish_increments(db, "a")

    count = await Relay(db, broker, "tests").relay_once()

    (message,) = broker.log.topics[TOPIC].messages
    (row,) = await outbox_rows(db)
    assert count == 1
    assert (message.event_id, message.time) == (row["event_id"], row["time"])
    assert (message.type, message.source, message.topic, message.key) == (
        "test.Incremented.v1",
        "tests",
        TOPIC,
        "a",
    )
    assert msgspec.json.decode(message.data, type=Incremented) == Incremented(name="a", version=1)


async def test_a_sent_event_has_the_mark_of_the_broker(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "a", "b", "c")

    await Relay(db, broker, "tests").relay_once()

    rows = await outbox_rows(db)
    log = broker.log.topics[TOPIC]
    assert [row["position"] for row in rows] == [1, 2, 3]
    assert {row["incarnation"] for row in rows} == {log.incarnation}
    assert [log.messages[row["position"] - 1].event_id for row in rows] == [
        row["event_id"] for row in rows
    ]
    assert all(row["sent_at"] >= row["time"] - timedelta(seconds=5) for row in rows)


async def test_without_failures_each_event_is_sent_once(
    db: Database, broker: RecordingBroker
) -> None:
    relay = Relay(db, broker, "tests")
    await publish_increments(db, "a", "b")

    counts = [await relay.relay_once(), await relay.relay_once()]
    await publish_increments(db, "c")
    counts.append(await relay.relay_once())

    assert counts == [2, 0, 1]
    assert [message.key for message in broker.attempts] == ["a", "b", "c"]


async def test_a_backlog_is_sent_in_batches_and_in_order(
    db: Database, broker: RecordingBroker
) -> None:
    names = [f"n{number}" for number in range(RELAY_BATCH + 7)]
    await publish_increments(db, *names)
    relay = Relay(db, broker, "tests")

    counts = [await relay.relay_once(), await relay.relay_once(), await relay.relay_once()]

    assert counts == [RELAY_BATCH, 7, 0]
    assert sent_keys(broker) == names


async def test_events_of_one_key_are_sent_in_the_order_of_their_versions(
    db: Database,
    broker: RecordingBroker,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    replicas = [db, open_database(database_url)]
    relay = Relay(db, broker, "tests")

    async def publishing(replica: Database) -> None:
        for _ in range(10):
            await publish_increments(replica, "a", "b")

    publishers = [asyncio.create_task(publishing(replica)) for replica in replicas * 3]
    while not all(task.done() for task in publishers):
        await relay.relay_once()
    await relay.relay_once()

    for key in "ab":
        messages = [m for m in broker.log.topics[TOPIC].messages if m.key == key]
        versions = [msgspec.json.decode(m.data, type=Incremented).version for m in messages]
        assert versions == list(range(1, 61))


async def test_events_are_sent_when_the_broker_is_available_again(
    db: Database, broker: RecordingBroker
) -> None:
    relay = Relay(db, broker, "tests")
    await publish_increments(db, "a")
    broker.log.unavailable = True

    with pytest.raises(BrokerUnavailable):
        await relay.relay_once()
    waiting = await unsent_count(db)
    broker.log.unavailable = False
    await relay.relay_once()

    assert waiting == 1
    assert (await unsent_count(db), sent_keys(broker)) == (0, ["a"])


async def test_a_crash_before_sending_loses_nothing(db: Database, broker: RecordingBroker) -> None:
    await publish_increments(db, "a", "b")

    with pytest.raises(PowerCut):
        await Relay(db, broker, "tests", crash=power_cut_at("relay.before_send")).relay_once()
    before = sent_keys(broker)
    await expire_lease(db)
    await Relay(db, broker, "tests").relay_once()

    assert (before, sent_keys(broker)) == ([], ["a", "b"])


async def test_after_a_crash_following_a_send_events_are_sent_again_under_the_same_ids(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "a", "b")

    with pytest.raises(PowerCut):
        await Relay(db, broker, "tests", crash=power_cut_at("relay.after_send")).relay_once()
    unsent = await unsent_count(db)
    await expire_lease(db)
    await Relay(db, broker, "tests").relay_once()

    ids = [row["event_id"] for row in await outbox_rows(db)]
    assert unsent == 2
    assert broker.attempted_ids() == ids + ids
    assert await unsent_count(db) == 0


async def test_sent_events_are_kept_for_72_hours_and_unsent_ones_until_they_are_sent(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "old", "young")
    await Relay(db, broker, "tests").relay_once()
    await publish_increments(db, "never-sent")
    async with db.begin() as tx:
        now = await tx.now()
        long_ago = now - timedelta(days=365)
        limit = now - OUTBOX_RETENTION
        for name, time in (("old", limit), ("young", limit + timedelta(minutes=1))):
            await tx.execute(update(OUTBOX).where(OUTBOX.c.key == name).values(sent_at=time))
        await tx.execute(update(OUTBOX).values(time=long_ago))

    await db.transact(delete_sent)

    assert timedelta(hours=72) == OUTBOX_RETENTION
    assert [row["key"] for row in await outbox_rows(db)] == ["young", "never-sent"]


async def test_a_running_relay_sends_an_event_as_soon_as_it_is_published(
    db: Database, broker: RecordingBroker
) -> None:
    subscription = await broker.subscribe("consumer", TOPIC)
    running = asyncio.create_task(Relay(db, broker, "tests").run_forever())

    received = []
    for name in "abc":
        await publish_increments(db, name)
        received += [r.message.key for r in await subscription.fetch(10, wait=10)]
    await stop(running)

    assert received == ["a", "b", "c"]


async def test_a_running_relay_continues_after_the_broker_was_unavailable(
    db: Database, broker: RecordingBroker
) -> None:
    subscription = await broker.subscribe("consumer", TOPIC)
    broker.log.unavailable = True
    await publish_increments(db, "a")
    running = asyncio.create_task(Relay(db, broker, "tests").run_forever())
    await broker.attempted.wait()

    broker.log.unavailable = False
    received = await subscription.fetch(10, wait=10)
    await stop(running)

    assert [r.message.key for r in received] == ["a"]
