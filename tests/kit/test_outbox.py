"""An event is told if and only if its transaction commits, and counted without gaps."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import RowMapping, select

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker.port import MAX_DATA
from roadbike.kit.messaging.outbox import OUTBOX, publish
from roadbike.kit.trace import tracing
from tests.kit.things import Noted, Raised, raise_counter


async def outbox(db: Database) -> list[RowMapping]:
    async with db.read() as tx:
        return list(await tx.rows(select(OUTBOX).order_by(OUTBOX.c.seq)))


async def versions(db: Database) -> dict[tuple[str, str], list[int]]:
    """What was told of each kind and key, in the order of the outbox."""
    told: dict[tuple[str, str], list[int]] = {}
    for row in await outbox(db):
        told.setdefault((row["kind"], row["key"]), []).append(row["version"])
    return told


async def test_what_was_told_stands_in_the_outbox(db: Database) -> None:
    async with db.begin() as tx:
        publish(tx, Raised(name="a", value=7))

    (row,) = await outbox(db)
    assert (row["kind"], row["key"], row["version"]) == ("counter", "a", 1)
    assert (row["type"], row["topic"]) == ("test.Raised.v1", "test.counters")
    assert (row["sent_at"], row["incarnation"], row["position"]) == (None, None, None)
    assert msgspec.json.decode(row["data"], type=Raised) == Raised(name="a", value=7, version=1)


async def test_nothing_is_told_by_a_transaction_that_is_undone(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        publish(tx, Raised(name="a"))
        raise LookupError

    with pytest.raises(LookupError):
        await db.transact(use_case)
    async with db.begin() as tx:
        publish(tx, Raised(name="a"))

    assert await versions(db) == {("counter", "a"): [1]}


async def test_the_relay_is_woken_by_a_commit_and_by_nothing_less(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        publish(tx, Raised(name="a"))
        raise LookupError

    with pytest.raises(LookupError):
        await db.transact(use_case)
    after_rollback = db.outbox_written.is_set()
    async with db.begin() as tx:
        publish(tx, Raised(name="a"))
        before_commit = db.outbox_written.is_set()

    assert (after_rollback, before_commit, db.outbox_written.is_set()) == (False, False, True)


async def test_each_kind_and_key_is_counted_by_itself(db: Database) -> None:
    async with db.begin() as tx:
        for event in (Raised(name="a"), Raised(name="b"), Noted(name="a"), Raised(name="a")):
            publish(tx, event)
    async with db.begin() as tx:
        publish(tx, Raised(name="a"))

    assert await versions(db) == {
        ("counter", "a"): [1, 2, 3],
        ("counter", "b"): [1],
        ("note", "a"): [1],
    }


async def test_events_keep_the_order_in_which_they_were_told(db: Database) -> None:
    async with db.begin() as tx:
        for number in range(2_000):
            publish(tx, Raised(name=f"n{number % 7}", value=number))

    values = [msgspec.json.decode(row["data"], type=Raised).value for row in await outbox(db)]
    assert values == list(range(2_000))


async def test_versions_have_no_gap_and_follow_the_outbox_under_concurrency(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    replicas = [db, open_database(database_url)]
    refused = 0

    async def use_case(tx: Tx, *, fail: bool) -> None:
        await raise_counter(tx, "a")
        publish(tx, Noted(name="b"))  # of no row that is locked
        if fail:
            raise LookupError

    async def run(number: int) -> None:
        nonlocal refused
        try:
            await replicas[number % 2].transact(lambda tx: use_case(tx, fail=number % 5 == 0))
        except LookupError:
            refused += 1

    await asyncio.gather(*(run(number) for number in range(40)))

    told = await versions(db)
    assert refused == 8
    assert told["counter", "a"] == list(range(1, 33))
    assert told["note", "b"] == list(range(1, 33))


async def test_an_event_carries_the_trace_it_was_told_in(db: Database) -> None:
    async with db.begin() as tx:
        with tracing(None) as traceparent:
            publish(tx, Raised(name="a"))
        publish(tx, Raised(name="b"))

    assert [row["traceparent"] for row in await outbox(db)] == [traceparent, None]


async def test_event_ids_are_unique_and_rise(db: Database) -> None:
    async with db.begin() as tx:
        for _ in range(100):
            publish(tx, Raised(name="a"))

    ids = [row["event_id"] for row in await outbox(db)]
    assert len(set(ids)) == 100
    assert ids == sorted(ids)


async def test_nothing_is_told_while_reading(db: Database) -> None:
    async with db.read() as tx:
        with pytest.raises(RuntimeError, match="only reads"):
            publish(tx, Raised(name="a"))


@pytest.mark.parametrize("event", [Raised(name="a", text="x" * MAX_DATA), Raised(name="not a key")])
async def test_what_no_broker_would_take_is_refused_where_it_is_told(
    db: Database, event: Raised
) -> None:
    async def use_case(tx: Tx) -> None:
        publish(tx, event)

    with pytest.raises(ValueError, match=r"test\.Raised\.v1"):
        await db.transact(use_case)

    assert await outbox(db) == []
