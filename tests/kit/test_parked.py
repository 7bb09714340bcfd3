"""Messages whose use case fails are parked; messages of other keys continue."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.messaging.inbox import INBOX, Inbox
from roadbike.kit.messaging.parked import ALARM_ATTEMPTS, LONGEST_WAIT
from roadbike.kit.process.service import whenever
from tests.kit.counters import Incremented, value
from tests.kit.parked_messages import FailingHandler, make_due, messages, parked


async def test_a_failing_message_is_parked_and_the_others_take_effect(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {1}

    await inbox.consume(messages("abc"))

    (row,) = await parked(db)
    assert handler.done == [0, 2]
    assert (row["key"], row["attempts"], row["error"]) == ("b", 1, "LookupError('failed on 1')")
    assert [await value(db, name) for name in "abc"] == [1, 0, 1]


async def test_later_messages_of_a_parked_key_wait_behind_it(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}

    await inbox.consume(messages("aab"))
    await inbox.consume(messages("ab", start=3))

    rows = await parked(db)
    assert handler.done == [2, 4]
    assert [row["key"] for row in rows] == ["a", "a", "a"]
    assert [row["attempts"] for row in rows] == [1, 0, 0]


async def test_a_parked_message_keeps_its_envelope(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    (message,) = messages("a")

    await inbox.consume([message])

    (row,) = await parked(db)
    envelope = {name: row[name] for name in ("event_id", "type", "source", "topic", "key", "time")}
    assert envelope == {name: getattr(message, name) for name in envelope}
    assert bytes(row["data"]) == message.data


async def test_parked_messages_of_a_key_are_retried_in_order(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("aaa"))
    handler.fails_on, handler.tried = set(), []
    await make_due(db)

    await inbox.retry_parked(db)

    assert handler.done == [0, 1, 2]
    assert await parked(db) == []
    assert await value(db, "a") == 3


async def test_one_retry_processes_all_parked_messages_of_a_key(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("a" * 150))
    handler.fails_on = set()
    await make_due(db)

    await inbox.retry_parked(db)

    assert handler.done == list(range(150))


async def test_messages_behind_a_failing_one_are_not_retried(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("aa"))
    handler.tried = []
    await make_due(db)

    await inbox.retry_parked(db)

    assert handler.tried == [0]
    assert [row["attempts"] for row in await parked(db)] == [2, 0]


async def test_a_parked_message_is_not_retried_before_it_is_due(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("aa"))
    handler.tried = []

    await inbox.retry_parked(db)

    assert handler.tried == []


async def test_each_failure_doubles_the_wait_up_to_a_minute(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("a"))
    waits = [await wait_of_first(db)]
    for _ in range(ALARM_ATTEMPTS - 1):
        await make_due(db)
        await inbox.retry_parked(db)
        waits.append(await wait_of_first(db))

    assert waits == sorted(waits)
    assert waits[0] <= timedelta(seconds=1)
    assert LONGEST_WAIT - timedelta(seconds=5) < waits[-1] <= LONGEST_WAIT


async def wait_of_first(db: Database) -> timedelta:
    (row, *_) = await parked(db)
    async with db.read() as tx:
        wait: timedelta = row["retry_at"] - await tx.now()
        return wait


async def test_a_parked_message_that_is_delivered_again_stays_parked_once(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    batch = messages("a")

    await inbox.consume(batch)
    await inbox.consume(batch)

    assert len(await parked(db)) == 1


async def test_a_parked_message_stays_parked_once_after_its_inbox_row_was_deleted(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0, 1}
    batch = messages("ab")
    await inbox.consume(batch)
    async with db.begin() as tx:
        await tx.execute(INBOX.delete())

    await inbox.consume(batch)

    assert [row["key"] for row in await parked(db)] == ["a", "b"]


async def test_the_slower_of_two_replicas_neither_acts_nor_counts_a_failure(
    db: Database,
    inbox: Inbox,
    handler: FailingHandler,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    other = Inbox(open_database(database_url), [whenever(Incremented, handler)])
    handler.fails_on = {0}
    await inbox.consume(messages("a"))
    handler.fails_on = set()
    await make_due(db)

    await asyncio.gather(*(replica.retry_parked(replica.db) for replica in (inbox, other) * 3))

    assert await value(db, "a") == 1
    assert handler.done == [0]


async def test_two_replicas_that_fail_at_once_count_one_failure(
    db: Database,
    inbox: Inbox,
    handler: FailingHandler,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    other = Inbox(open_database(database_url), [whenever(Incremented, handler)])
    handler.fails_on = {0}
    await inbox.consume(messages("a"))
    await make_due(db)

    await asyncio.gather(*(replica.retry_parked(replica.db) for replica in (inbox, other)))

    (row,) = await parked(db)
    assert row["attempts"] == 2


async def test_an_unavailable_database_does_not_count_as_a_failed_retry(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("a"))
    await make_due(db)

    async def fail(_tx: Tx, _event: Incremented) -> None:
        raise DatabaseUnavailable("stopped")

    with pytest.raises(DatabaseUnavailable):
        await Inbox(db, [whenever(Incremented, fail)]).retry_parked(db)

    (row,) = await parked(db)
    assert row["attempts"] == 1
