"""What a handler fails on is parked, and what is not of its key flows on."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.messaging.inbox import INBOX, Inbox
from roadbike.kit.messaging.parked import ATTEMPTS, LONGEST_WAIT
from roadbike.kit.process.service import whenever
from tests.kit.parking import Handler, make_due, messages, parked
from tests.kit.things import Raised, value


async def test_one_that_fails_is_parked_and_the_others_take_effect(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {1}

    await inbox.take(messages("abc"))

    (row,) = await parked(db)
    assert handler.done == [0, 2]
    assert (row["key"], row["attempts"], row["error"]) == ("b", 1, "LookupError('no 1')")
    assert [await value(db, name) for name in "abc"] == [1, 0, 1]


async def test_later_ones_of_its_key_queue_up_behind_it(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}

    await inbox.take(messages("aab"))
    await inbox.take(messages("ab", start=3))

    rows = await parked(db)
    assert handler.done == [2, 4]
    assert [row["key"] for row in rows] == ["a", "a", "a"]
    assert [row["attempts"] for row in rows] == [1, 0, 0]


async def test_a_parked_one_keeps_its_whole_envelope(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    (sent,) = messages("a")

    await inbox.take([sent])

    (row,) = await parked(db)
    kept = {name: row[name] for name in ("event_id", "type", "source", "topic", "key", "time")}
    assert kept == {name: getattr(sent, name) for name in kept}
    assert bytes(row["data"]) == sent.data


async def test_they_are_retried_in_order_once_the_first_succeeds(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    await inbox.take(messages("aaa"))
    handler.bad, handler.tried = set(), []
    await make_due(db)

    await inbox.retry_parked(db)

    assert handler.done == [0, 1, 2]
    assert await parked(db) == []
    assert await value(db, "a") == 3


async def test_a_long_queue_is_gone_in_one_go(db: Database, inbox: Inbox, handler: Handler) -> None:
    handler.bad = {0}
    await inbox.take(messages("a" * 150))
    handler.bad = set()
    await make_due(db)

    await inbox.retry_parked(db)

    assert handler.done == list(range(150))


async def test_while_the_first_fails_nothing_behind_it_is_tried(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    await inbox.take(messages("aa"))
    handler.tried = []
    await make_due(db)

    await inbox.retry_parked(db)

    assert handler.tried == [0]
    assert [row["attempts"] for row in await parked(db)] == [2, 0]


async def test_nothing_is_retried_before_its_time(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    await inbox.take(messages("aa"))
    handler.tried = []

    await inbox.retry_parked(db)

    assert handler.tried == []


async def test_each_failure_waits_longer_up_to_a_minute(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    await inbox.take(messages("a"))
    waits = [await wait_of_first(db)]
    for _ in range(ATTEMPTS - 2):
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


async def test_a_parked_one_that_is_delivered_again_stays_parked_once(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    sent = messages("a")

    await inbox.take(sent)
    await inbox.take(sent)

    assert len(await parked(db)) == 1


async def test_a_parked_one_that_is_delivered_again_after_its_inbox_row_is_forgotten_stays_one(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0, 1}
    sent = messages("ab")
    await inbox.take(sent)
    async with db.begin() as tx:
        await tx.execute(INBOX.delete())

    await inbox.take(sent)

    assert [row["key"] for row in await parked(db)] == ["a", "b"]


async def test_a_replica_that_was_slower_neither_acts_nor_counts(
    db: Database,
    inbox: Inbox,
    handler: Handler,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    other = Inbox(open_database(database_url), [whenever(Raised, handler)])
    handler.bad = {0}
    await inbox.take(messages("a"))
    handler.bad = set()
    await make_due(db)

    await asyncio.gather(*(each.retry_parked(each.db) for each in (inbox, other) * 3))

    assert await value(db, "a") == 1
    assert handler.done == [0]


async def test_two_replicas_that_fail_at_once_count_one_failure(
    db: Database,
    inbox: Inbox,
    handler: Handler,
    open_database: Callable[[str], Database],
    database_url: str,
) -> None:
    other = Inbox(open_database(database_url), [whenever(Raised, handler)])
    handler.bad = {0}
    await inbox.take(messages("a"))
    await make_due(db)

    await asyncio.gather(*(each.retry_parked(each.db) for each in (inbox, other)))

    (row,) = await parked(db)
    assert row["attempts"] == 2


async def test_a_database_that_is_away_is_not_counted_at_a_retry(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    await inbox.take(messages("a"))
    await make_due(db)

    async def away(_tx: Tx, _event: Raised) -> None:
        raise DatabaseUnavailable("pulled the plug")

    with pytest.raises(DatabaseUnavailable):
        await Inbox(db, [whenever(Raised, away)]).retry_parked(db)

    (row,) = await parked(db)
    assert row["attempts"] == 1
