"""An event is published if and only if its transaction commits; versions have no gaps."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker.names import MAX_DATA
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.trace import tracing
from tests.kit.counters import Incremented, Noted, increment
from tests.kit.outbox_helpers import outbox_rows


async def versions(db: Database) -> dict[tuple[str, str], list[int]]:
    """Return the versions by kind and key, in the order of the outbox."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in await outbox_rows(db):
        found.setdefault((row["kind"], row["key"]), []).append(row["version"])
    return found


async def test_a_published_event_is_in_the_outbox(db: Database) -> None:
    async with db.begin() as tx:
        publish(tx, Incremented(name="a", value=7))

    (row,) = await outbox_rows(db)
    assert (row["kind"], row["key"], row["version"]) == ("counter", "a", 1)
    assert (row["type"], row["topic"]) == ("test.Incremented.v1", "test.counters")
    assert (row["sent_at"], row["incarnation"], row["position"]) == (None, None, None)
    assert msgspec.json.decode(row["data"], type=Incremented) == Incremented(
        name="a", value=7, version=1
    )


async def test_a_transaction_that_is_rolled_back_publishes_nothing(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        publish(tx, Incremented(name="a"))
        raise LookupError

    with pytest.raises(LookupError):
        await db.transact(use_case)
    async with db.begin() as tx:
        publish(tx, Incremented(name="a"))

    assert await versions(db) == {("counter", "a"): [1]}


async def test_the_relay_is_woken_only_by_a_commit(db: Database) -> None:
    async def use_case(tx: Tx) -> None:
        publish(tx, Incremented(name="a"))
        raise LookupError

    with pytest.raises(LookupError):
        await db.transact(use_case)
    after_rollback = await db.wait_for_outbox_signal(0)
    async with db.begin() as tx:
        publish(tx, Incremented(name="a"))
        before_commit = await db.wait_for_outbox_signal(0)

    after_commit = await db.wait_for_outbox_signal(0)
    assert (after_rollback, before_commit, after_commit) == (False, False, True)


async def test_versions_are_counted_per_kind_and_key(db: Database) -> None:
    async with db.begin() as tx:
        for event in (
            Incremented(name="a"),
            Incremented(name="b"),
            Noted(name="a"),
            Incremented(name="a"),
        ):
            publish(tx, event)
    async with db.begin() as tx:
        publish(tx, Incremented(name="a"))

    assert await versions(db) == {
        ("counter", "a"): [1, 2, 3],
        ("counter", "b"): [1],
        ("note", "a"): [1],
    }


async def test_events_keep_the_order_of_publishing(db: Database) -> None:
    async with db.begin() as tx:
        for number in range(2_000):
            publish(tx, Incremented(name=f"n{number % 7}", value=number))

    values = [
        msgspec.json.decode(row["data"], type=Incremented).value for row in await outbox_rows(db)
    ]
    assert values == list(range(2_000))


async def test_versions_have_no_gap_and_follow_the_outbox_under_concurrency(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    replicas = [db, open_database(database_url)]
    rolled_back = 0
    connections = asyncio.Semaphore(8)  # no more than there are, whatever else the machine does

    async def use_case(tx: Tx, *, fail: bool) -> None:
        await increment(tx, "a")
        publish(tx, Noted(name="b"))  # of a row that is not locked
        if fail:
            raise LookupError

    async def run(number: int) -> None:
        nonlocal rolled_back
        try:
            async with connections:
                await replicas[number % 2].transact(lambda tx: use_case(tx, fail=number % 5 == 0))
        except LookupError:
            rolled_back += 1

    await asyncio.gather(*(run(number) for number in range(40)))

    counted = await versions(db)
    assert rolled_back == 8
    assert counted["counter", "a"] == list(range(1, 33))
    assert counted["note", "b"] == list(range(1, 33))


async def test_an_event_carries_the_trace_of_its_publishing(db: Database) -> None:
    async with db.begin() as tx:
        with tracing(None) as traceparent:
            publish(tx, Incremented(name="a"))
        publish(tx, Incremented(name="b"))

    assert [row["traceparent"] for row in await outbox_rows(db)] == [traceparent, None]


async def test_event_ids_are_unique_and_rise(db: Database) -> None:
    async with db.begin() as tx:
        for _ in range(100):
            publish(tx, Incremented(name="a"))

    ids = [row["event_id"] for row in await outbox_rows(db)]
    assert len(set(ids)) == 100
    assert ids == sorted(ids)


async def test_publishing_in_a_read_only_transaction_raises(db: Database) -> None:
    async with db.read() as tx:
        with pytest.raises(RuntimeError, match="read-only"):
            publish(tx, Incremented(name="a"))


@pytest.mark.parametrize(
    "event", [Incremented(name="a", text="x" * MAX_DATA), Incremented(name="not a key")]
)
async def test_an_event_that_the_broker_would_refuse_raises_at_the_commit(
    db: Database, event: Incremented
) -> None:
    async def use_case(tx: Tx) -> None:
        publish(tx, event)

    with pytest.raises(ValueError, match=r"test\.Incremented\.v1"):
        await db.transact(use_case)

    assert await outbox_rows(db) == []
