"""The relay takes what its own process has committed from memory; which it is, the table says."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, update

from roadbike.kit.db import Database
from roadbike.kit.db.handover import MAX_BYTES, MAX_ROWS, Handover
from roadbike.kit.messaging.broker import BrokerUnavailable
from roadbike.kit.messaging.outbox import OUTBOX, publish
from roadbike.kit.messaging.relay import Relay
from tests.kit.counters import Incremented
from tests.kit.outbox_helpers import (
    TOPIC,
    expire_lease,
    publish_increments,
    sent_keys,
    unsent_count,
)
from tests.kit.recording_broker import RecordingBroker


@pytest.fixture
def other_db(
    db: Database,  # noqa: ARG001  it makes the tables
    open_database: Callable[[str], Database],
    database_url: str,
) -> Database:
    """The same database as another process has it."""
    return open_database(database_url)


@pytest.fixture
async def relay(db: Database, broker: RecordingBroker) -> Relay:
    """A relay that holds the lease."""
    made = Relay(db, broker, "tests")
    assert await made.relay_once() == 0
    return made


@contextmanager
def reads_of_data(db: Database) -> Iterator[list[str]]:
    """Collect the statements that read events from the outbox, not only their numbers."""
    seen: list[str] = []

    def note(*call: object) -> None:
        text = str(call[2])
        if text.startswith("SELECT") and "outbox.data" in text:
            seen.append(text)

    event.listen(db.background.engine.sync_engine, "before_cursor_execute", note)
    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.background.engine.sync_engine, "before_cursor_execute", note)
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)


async def test_what_was_committed_here_is_not_read_again(
    db: Database, broker: RecordingBroker, relay: Relay
) -> None:
    await publish_increments(db, "a", "b")

    with reads_of_data(db) as reads:
        count = await relay.relay_once()

    assert (count, reads, sent_keys(broker)) == (2, [], ["a", "b"])
    assert (len(db.outbox_rows), await unsent_count(db)) == (0, 0)


async def test_a_message_from_memory_is_the_one_that_the_table_has(
    db: Database, broker: RecordingBroker, relay: Relay
) -> None:
    await publish_increments(db, "a")
    await relay.relay_once()
    await relay.stop()
    async with db.begin() as tx:
        await tx.execute(update(OUTBOX).values(sent_at=None))
    other = Relay(db, RecordingBroker(broker.log), "tests")

    assert await other.relay_once() == 1

    from_memory, from_table = broker.attempts, other.broker.attempts  # type: ignore[attr-defined]
    assert from_memory == from_table


async def test_events_of_other_processes_are_read_and_keep_the_order(
    db: Database, broker: RecordingBroker, relay: Relay, other_db: Database
) -> None:
    for database, name in ((db, "a"), (other_db, "b"), (db, "a"), (other_db, "a")):
        await publish_increments(database, name)

    assert await relay.relay_once() == 4

    assert sent_keys(broker) == ["a", "b", "a", "a"]
    assert broker.attempts == broker.log.topics[TOPIC].messages
    assert await unsent_count(db) == 0


async def test_a_transaction_that_is_rolled_back_hands_over_nothing(
    db: Database, relay: Relay
) -> None:
    async def fail() -> None:
        async with db.begin() as tx:
            publish(tx, Incremented(name="a", value=1))
            await tx.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert len(db.outbox_rows) == 0
    assert await relay.relay_once() == 0


async def test_without_the_lease_nothing_is_kept(
    broker: RecordingBroker, relay: Relay, other_db: Database
) -> None:
    waiting = Relay(other_db, broker, "tests")
    assert await waiting.relay_once() == 0

    await publish_increments(other_db, "a")

    assert (len(other_db.outbox_rows), await relay.relay_once()) == (0, 1)


async def test_what_was_kept_in_an_earlier_epoch_is_not_sent(
    db: Database, broker: RecordingBroker, relay: Relay, other_db: Database
) -> None:
    """The next holder has sent it; this one must find nothing of it when it is the holder again."""
    await publish_increments(db, "a")
    await expire_lease(db)
    new = Relay(other_db, broker, "tests")
    assert await new.relay_once() == 1
    await new.stop()
    await publish_increments(db, "b")

    relay._prolong_at = 0.0  # noqa: SLF001  as if half a term had passed
    assert await relay.relay_once() == 1

    assert sent_keys(broker) == ["a", "b"]
    assert len(broker.attempts) == 2


async def test_what_could_not_be_sent_is_sent_later(
    db: Database, broker: RecordingBroker, relay: Relay
) -> None:
    await publish_increments(db, "a")
    broker.log.unavailable = True
    with pytest.raises(BrokerUnavailable):
        await relay.relay_once()
    await publish_increments(db, "b")
    broker.log.unavailable = False

    assert await relay.relay_once() == 2
    assert sent_keys(broker) == ["a", "b"]


async def test_versions_of_a_key_are_in_order_whatever_commits_first(
    db: Database, broker: RecordingBroker, relay: Relay
) -> None:
    running = asyncio.create_task(relay.run_forever())
    await asyncio.gather(*(publish_increments(db, "a", "b") for _ in range(20)))
    async with asyncio.timeout(20):
        while await unsent_count(db):  # noqa: ASYNC110  the table has no event for it
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])

    async with db.read() as tx:
        rows = await tx.rows(select(OUTBOX.c.event_id, OUTBOX.c.key, OUTBOX.c.version))
    versions = {row["event_id"]: (row["key"], row["version"]) for row in rows}
    sent = [versions[message.event_id] for message in broker.log.topics[TOPIC].messages]
    for key in ("a", "b"):
        assert [version for of, version in sent if of == key] == list(range(1, 21))


def test_the_rows_in_memory_have_a_limit() -> None:
    kept = Handover()
    kept.put(1, {}, 1)
    assert len(kept) == 0  # nobody takes them

    kept.open("relay")
    for number in range(MAX_ROWS + 1):
        kept.put(number, {}, 1)
    assert len(kept) == MAX_ROWS

    kept.forget(range(MAX_ROWS + 1))
    kept.put(1, {}, MAX_BYTES)
    kept.put(2, {}, 1)
    assert kept.get([1, 2]) == {1: {}}

    kept.open("relay")
    assert len(kept) == 1
    kept.open("another")
    assert (len(kept), kept.is_wanted) == (0, True)
