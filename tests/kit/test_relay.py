"""Whatever was told is published, in order, however often the relay dies."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import update

from roadbike.kit.db import Database
from roadbike.kit.messaging.broker import BrokerUnavailable
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.relay import BATCH, KEPT, KEPT_BY_BROKER, Relay, delete_sent
from tests.kit.brokers import PowerCut, WatchedBroker, power_cut_at
from tests.kit.telling import TOPIC, expire_lease, outbox, published, tell_of, unpublished
from tests.kit.things import Raised


async def stopped(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.wait([running])


async def test_what_was_told_is_published_with_its_envelope(
    db: Database, broker: WatchedBroker
) -> None:
    await tell_of(db, "a")

    count = await Relay(db, broker, "tests").relay_once()

    (message,) = broker.log.topics[TOPIC].messages
    (row,) = await outbox(db)
    assert count == 1
    assert (message.event_id, message.time) == (row["event_id"], row["time"])
    assert (message.type, message.source, message.topic, message.key) == (
        "test.Raised.v1",
        "tests",
        TOPIC,
        "a",
    )
    assert msgspec.json.decode(message.data, type=Raised) == Raised(name="a", version=1)


async def test_the_mark_keeps_where_the_broker_put_it(db: Database, broker: WatchedBroker) -> None:
    await tell_of(db, "a", "b", "c")

    await Relay(db, broker, "tests").relay_once()

    rows = await outbox(db)
    log = broker.log.topics[TOPIC]
    assert [row["position"] for row in rows] == [1, 2, 3]
    assert {row["incarnation"] for row in rows} == {log.incarnation}
    assert [log.messages[row["position"] - 1].event_id for row in rows] == [
        row["event_id"] for row in rows
    ]
    assert all(row["sent_at"] >= row["time"] - timedelta(seconds=5) for row in rows)


async def test_nothing_is_published_twice_while_all_goes_well(
    db: Database, broker: WatchedBroker
) -> None:
    relay = Relay(db, broker, "tests")
    await tell_of(db, "a", "b")

    counts = [await relay.relay_once(), await relay.relay_once()]
    await tell_of(db, "c")
    counts.append(await relay.relay_once())

    assert counts == [2, 0, 1]
    assert [message.key for message in broker.tries] == ["a", "b", "c"]


async def test_a_backlog_goes_out_in_batches_and_in_order(
    db: Database, broker: WatchedBroker
) -> None:
    names = [f"n{number}" for number in range(BATCH + 7)]
    await tell_of(db, *names)
    relay = Relay(db, broker, "tests")

    counts = [await relay.relay_once(), await relay.relay_once(), await relay.relay_once()]

    assert counts == [BATCH, 7, 0]
    assert published(broker) == names


async def test_events_of_one_key_are_published_as_they_were_counted(
    db: Database, broker: WatchedBroker, open_database: Callable[[str], Database], database_url: str
) -> None:
    replicas = [db, open_database(database_url)]
    relay = Relay(db, broker, "tests")

    async def telling(replica: Database) -> None:
        for _ in range(10):
            await tell_of(replica, "a", "b")

    tellers = [asyncio.create_task(telling(replica)) for replica in replicas * 3]
    while not all(teller.done() for teller in tellers):
        await relay.relay_once()
    await relay.relay_once()

    for key in "ab":
        messages = [m for m in broker.log.topics[TOPIC].messages if m.key == key]
        versions = [msgspec.json.decode(m.data, type=Raised).version for m in messages]
        assert versions == list(range(1, 61))


async def test_a_broker_that_is_away_is_waited_for(db: Database, broker: WatchedBroker) -> None:
    relay = Relay(db, broker, "tests")
    await tell_of(db, "a")
    broker.log.away = True

    with pytest.raises(BrokerUnavailable):
        await relay.relay_once()
    waiting = await unpublished(db)
    broker.log.away = False
    await relay.relay_once()

    assert waiting == 1
    assert (await unpublished(db), published(broker)) == (0, ["a"])


async def test_a_crash_between_commit_and_publish_loses_nothing(
    db: Database, broker: WatchedBroker
) -> None:
    await tell_of(db, "a", "b")

    with pytest.raises(PowerCut):
        await Relay(db, broker, "tests", crash=power_cut_at("outbox.before_publish")).relay_once()
    before = published(broker)
    await expire_lease(db)
    await Relay(db, broker, "tests").relay_once()

    assert (before, published(broker)) == ([], ["a", "b"])


async def test_a_crash_between_publish_and_mark_publishes_again_under_the_same_ids(
    db: Database, broker: WatchedBroker
) -> None:
    await tell_of(db, "a", "b")

    with pytest.raises(PowerCut):
        await Relay(db, broker, "tests", crash=power_cut_at("outbox.after_publish")).relay_once()
    unmarked = await unpublished(db)
    await expire_lease(db)
    await Relay(db, broker, "tests").relay_once()

    ids = [row["event_id"] for row in await outbox(db)]
    assert unmarked == 2
    assert broker.ids() == ids + ids
    assert await unpublished(db) == 0


async def test_published_events_are_kept_for_72_hours_and_unpublished_ones_for_ever(
    db: Database, broker: WatchedBroker
) -> None:
    await tell_of(db, "old", "young")
    await Relay(db, broker, "tests").relay_once()
    await tell_of(db, "never-published")
    async with db.begin() as tx:
        now = await tx.now()
        long_ago = now - timedelta(days=365)
        for name, at in (("old", now - KEPT), ("young", now - KEPT + timedelta(minutes=1))):
            await tx.execute(update(OUTBOX).where(OUTBOX.c.key == name).values(sent_at=at))
        await tx.execute(update(OUTBOX).values(time=long_ago))

    await db.transact(delete_sent)

    assert timedelta(hours=72) == KEPT
    assert [row["key"] for row in await outbox(db)] == ["young", "never-published"]


async def test_what_was_told_more_than_an_hour_ago_may_be_forgotten_by_the_broker(
    db: Database, broker: WatchedBroker
) -> None:
    relay = Relay(db, broker, "tests")
    await tell_of(db, "older", "old", "young")
    await relay.relay_once()
    await relay.trim(db)
    assert broker.trimmed == []

    async with db.begin() as tx:
        an_hour_ago = await tx.now() - KEPT_BY_BROKER
        old = OUTBOX.c.key.in_(["older", "old"])
        await tx.execute(update(OUTBOX).where(old).values(sent_at=an_hour_ago))
    await relay.trim(db)
    await Relay(db, broker, "tests").trim(db)  # which holds no lease

    ((topic, mark),) = broker.trimmed
    assert (topic, mark.position) == (TOPIC, 2)
    assert timedelta(hours=1) == KEPT_BY_BROKER


async def test_an_away_broker_is_trimmed_another_time(db: Database, broker: WatchedBroker) -> None:
    relay = Relay(db, broker, "tests")
    await tell_of(db, "old")
    await relay.relay_once()
    async with db.begin() as tx:
        await tx.execute(update(OUTBOX).values(sent_at=await tx.now() - KEPT))
    broker.log.away = True

    await relay.trim(db)

    assert len(broker.trimmed) == 1


async def test_a_running_relay_publishes_as_soon_as_something_is_told(
    db: Database, broker: WatchedBroker
) -> None:
    subscription = await broker.subscribe("listener", TOPIC)
    running = asyncio.create_task(Relay(db, broker, "tests").run_forever())

    heard = []
    for name in "abc":
        await tell_of(db, name)
        heard += [one.message.key for one in await subscription.fetch(10, wait=10)]
    await stopped(running)

    assert heard == ["a", "b", "c"]


async def test_a_running_relay_outlives_an_away_broker(db: Database, broker: WatchedBroker) -> None:
    subscription = await broker.subscribe("listener", TOPIC)
    broker.log.away = True
    await tell_of(db, "a")
    running = asyncio.create_task(Relay(db, broker, "tests").run_forever())
    await broker.tried.wait()

    broker.log.away = False
    heard = await subscription.fetch(10, wait=10)
    await stopped(running)

    assert [one.message.key for one in heard] == ["a"]
