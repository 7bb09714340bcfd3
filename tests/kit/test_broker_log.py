"""The relay notices that the broker has lost its log, and sends the kept events again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from roadbike.kit.db import Database, lease
from roadbike.kit.messaging import sent
from roadbike.kit.messaging.broker import BrokerUnavailable, Mark, TopicFull
from roadbike.kit.messaging.broker_log import BROKER_RETENTION, TRIM_BYTES, BrokerLog
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.relay import Relay
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


async def relay_all(relay: Relay) -> None:
    while await relay.relay_once():
        pass


async def age(db: Database, by: timedelta, *names: str) -> None:
    """Set the time at which these events were sent back."""
    async with db.begin() as tx:
        of_them = OUTBOX.c.key.in_(names)
        await tx.execute(update(OUTBOX).where(of_them).values(sent_at=await tx.now() - by))


async def test_after_the_broker_has_lost_its_log_all_kept_events_are_sent_again(
    db: Database, broker: RecordingBroker
) -> None:
    names = [f"n{number}" for number in range(sent.UNSEND_BATCH + 7)]
    await publish_increments(db, *names)
    relay = Relay(db, broker, "tests")
    await relay_all(relay)

    broker.log.lose()
    await publish_increments(db, "later")
    await relay_all(relay)

    assert sent_keys(broker) == [*names, "later"]
    assert {row["incarnation"] for row in await outbox_rows(db)} == {
        broker.log.topics[TOPIC].incarnation
    }
    assert await unsent_count(db) == 0


async def test_an_idle_relay_notices_it_too(db: Database, broker: RecordingBroker) -> None:
    subscription = await broker.subscribe("consumer", TOPIC)
    await publish_increments(db, "a", "b")
    relay = Relay(db, broker, "tests")
    await relay_all(relay)
    await subscription.ack(await subscription.fetch(10, 1))

    broker.log.lose()
    await relay_all(relay)

    assert [r.message.key for r in await subscription.fetch(10, 1)] == ["a", "b"]


async def test_a_relay_that_starts_later_notices_it(db: Database, broker: RecordingBroker) -> None:
    await publish_increments(db, "a")
    before = Relay(db, broker, "tests")
    await relay_all(before)
    await before.stop()

    broker.log.lose()
    await relay_all(Relay(db, broker, "tests"))

    assert sent_keys(broker) == ["a"]


async def test_a_log_that_is_shorter_than_it_was_starts_its_groups_over(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "a", "b", "c")
    relay = Relay(db, broker, "tests")
    await relay_all(relay)
    subscription = await broker.subscribe("consumer", TOPIC)
    await subscription.ack(await subscription.fetch(10, 1))

    topic = broker.log.topics[TOPIC]  # restored from a back-up in which only "a" was stored
    del topic.messages[1:]
    topic.positions = {topic.messages[0].event_id: 1}
    broker.log.lives += 1
    await relay_all(relay)

    assert [mark.position for mark in broker.started_over] == [3]
    assert sent_keys(broker) == ["a", "b", "c"]
    assert [r.message.key for r in await subscription.fetch(10, 1)] == ["a", "b", "c"]


async def test_a_log_that_is_lost_between_the_check_and_the_send_is_noticed(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "a")
    relay = Relay(db, broker, "tests")
    await relay_all(relay)
    await publish_increments(db, "b")

    lives = broker.log.lives
    broker.log.lose()
    broker.log.lives = lives  # the relay has not seen the new connection when it sends
    first = await relay.relay_once()
    await relay_all(relay)

    assert first == 0
    assert sorted(sent_keys(broker)) == ["a", "b"]
    assert await unsent_count(db) == 0


async def test_a_log_that_is_well_is_not_filled_again(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "a", "b")
    relay = Relay(db, broker, "tests")
    await relay_all(relay)

    broker.log.unavailable = True
    broker.log.unavailable = False
    await relay_all(relay)
    await relay.stop()
    await relay_all(Relay(db, broker, "tests"))

    assert [message.key for message in broker.attempts] == ["a", "b"]
    assert broker.started_over == []


async def test_a_crash_while_events_become_unsent_loses_none(
    db: Database, broker: RecordingBroker
) -> None:
    names = [f"n{number}" for number in range(sent.UNSEND_BATCH + 7)]
    await publish_increments(db, *names)
    relay = Relay(db, broker, "tests", crash=power_cut_at("relay.between_unsends"))
    await relay_all(relay)

    broker.log.lose()
    with pytest.raises(PowerCut):
        await relay.relay_once()
    halfway = await unsent_count(db)
    await expire_lease(db)
    await relay_all(Relay(db, broker, "tests"))

    assert halfway == sent.UNSEND_BATCH
    assert sent_keys(broker) == names


async def test_a_former_holder_of_the_lease_makes_nothing_unsent(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "a")
    await relay_all(Relay(db, broker, "tests"))
    await expire_lease(db)
    await lease.take(db, sent.LEASE_NAME, "another relay")

    last = await db.transact(lambda tx: sent.unsend_some(tx, after=0, epoch=1))

    assert last is None
    assert await unsent_count(db) == 0


async def test_a_former_holder_waits_and_marks_nothing_while_the_next_one_takes_the_lease(
    db: Database,
    broker: RecordingBroker,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    """Its statement may have begun before the new holder has made the events unsent."""
    await publish_increments(db, "a")
    old = Relay(db, broker, "tests")
    await relay_all(old)
    broker.log.lose()
    await publish_increments(db, "b")

    async def overtake() -> None:
        await expire_lease(db)
        new = Relay(open_database(database_url), broker, "tests")
        broker.log.lose()
        await relay_all(new)

    broker.during_send = overtake
    await old.relay_once()
    rows = await outbox_rows(db)

    assert {row["incarnation"] for row in rows} == {broker.log.topics[TOPIC].incarnation}
    assert sorted(sent_keys(broker)) == ["a", "b"]


async def test_a_full_topic_is_trimmed_at_once(db: Database, broker: RecordingBroker) -> None:
    await publish_increments(db, "old", "young")
    relay = Relay(db, broker, "tests")
    await relay_all(relay)
    await age(db, BROKER_RETENTION + timedelta(seconds=5), "old")
    await publish_increments(db, "new")

    broker.is_full = True
    with pytest.raises(TopicFull):
        await relay.relay_once()
    await relay_all(relay)

    ((topic, older),) = broker.trimmed
    assert older is not None
    assert (topic, older.position) == (TOPIC, 1)
    assert timedelta(hours=1) == BROKER_RETENTION
    assert sent_keys(broker) == ["old", "young", "new"]


async def test_the_size_of_a_topic_is_looked_at_by_what_was_sent(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "a")
    relay = Relay(db, broker, "tests")
    await relay_all(relay)
    (row,) = await outbox_rows(db)
    almost_enough = TRIM_BYTES // len(row["data"])

    marks = [Mark(position=1, incarnation="one")] * almost_enough
    await relay.log.note_sent([row] * (almost_enough - 1), marks[1:])
    before = list(broker.trimmed)
    await relay.log.note_sent([row] * 2, marks[:2])

    assert (before, broker.trimmed) == ([], [(TOPIC, None)])


async def test_an_unavailable_broker_stays_unchecked(db: Database, broker: RecordingBroker) -> None:
    await publish_increments(db, "a")
    relay = Relay(db, broker, "tests")
    await relay_all(relay)

    broker.log.unavailable = True
    broker.log.unavailable = False
    broker.log.lose()
    broker.log.unavailable = True
    with pytest.raises(BrokerUnavailable):
        await relay.relay_once()
    broker.log.unavailable = False
    await relay_all(relay)

    assert sent_keys(broker) == ["a"]


async def test_the_log_is_compared_again_after_a_time(
    db: Database, broker: RecordingBroker
) -> None:
    await publish_increments(db, "a")
    relay = Relay(db, broker, "tests")
    await relay_all(relay)
    lives = broker.log.lives

    broker.log.lose()
    broker.log.lives = lives  # the topic was deleted, the connection is the same
    await relay_all(relay)
    before = sent_keys(broker)
    relay.log = BrokerLog(db, broker, check_seconds=0)
    await relay_all(relay)

    assert (before, sent_keys(broker)) == ([], ["a"])
