"""Each message takes effect once, despite repeated deliveries, crashes and other failures."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.inbox import INBOX, INBOX_RETENTION, Inbox, delete_received
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.parked import ParkedState, count
from roadbike.kit.process.service import whenever, whenever_with_message
from roadbike.kit.pure.events import Event
from roadbike.kit.trace import current_trace_id, new_traceparent
from tests.kit.counters import Incremented, Noted, increment, message, value
from tests.kit.power_cut import PowerCut, power_cut_at
from tests.past import past


async def count_up(tx: Tx, event: Incremented) -> None:
    await increment(tx, event.name)


@pytest.fixture
def inbox(db: Database) -> Inbox:
    return Inbox(db, [whenever(Incremented, count_up)])


async def parked_count(db: Database, state: ParkedState = ParkedState.PARKED) -> int:
    async with db.read() as tx:
        return await count(tx, state)


async def consumed_ids(db: Database) -> set[UUID]:
    async with db.read() as tx:
        return {row["event_id"] for row in await tx.rows(select(INBOX.c.event_id))}


async def test_a_message_takes_effect(db: Database, inbox: Inbox) -> None:
    await inbox.consume([message(Incremented(name="a"))])

    assert await value(db, "a") == 1


async def test_a_repeated_message_has_no_effect(db: Database, inbox: Inbox) -> None:
    delivered = message(Incremented(name="a"))

    await inbox.consume([delivered])
    await inbox.consume([delivered])
    await inbox.consume([delivered, message(Incremented(name="a")), delivered])

    assert await value(db, "a") == 2


async def test_a_message_consumed_by_two_replicas_at_once_takes_effect_once(
    db: Database, inbox: Inbox, open_database: Callable[[str], Database], database_url: str
) -> None:
    other = Inbox(open_database(database_url), [whenever(Incremented, count_up)])
    batches = [[message(Incremented(name=f"n{n}")) for n in range(20)] for _ in range(5)]

    await asyncio.gather(
        *(deliver(replica, batch) for batch in batches for replica in (inbox, other)),
        *(deliver(replica, batch[::-1]) for batch in batches for replica in (inbox, other)),
    )

    assert {await value(db, f"n{n}") for n in range(20)} == {5}
    assert await parked_count(db) == 0


async def deliver(inbox: Inbox, batch: Sequence[Message]) -> None:
    """Deliver it again while a lock is waited for too long, as a broker does."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await inbox.consume(batch)
            except DatabaseUnavailable:
                await asyncio.sleep(0.05)


async def test_a_batch_takes_effect_in_one_transaction(db: Database) -> None:
    transactions: set[int] = set()

    async def use_case(tx: Tx, event: Incremented) -> None:
        transactions.add(id(tx))
        await increment(tx, event.name)

    await Inbox(db, [whenever(Incremented, use_case)]).consume(
        [message(Incremented(name=f"n{n % 10}")) for n in range(200)]
    )

    assert len(transactions) == 1
    assert {await value(db, f"n{n}") for n in range(10)} == {20}


async def test_events_are_processed_in_key_order_and_within_a_key_as_delivered(
    db: Database,
) -> None:
    processed: list[tuple[str, int]] = []

    async def use_case(_tx: Tx, event: Incremented) -> None:
        processed.append((event.name, event.value))

    names = "cabcab"
    await Inbox(db, [whenever(Incremented, use_case)]).consume(
        [message(Incremented(name=name, value=n)) for n, name in enumerate(names)]
    )

    assert processed == [("a", 1), ("a", 4), ("b", 2), ("b", 5), ("c", 0), ("c", 3)]


async def test_a_batch_is_prefetched_once_before_its_use_cases(db: Database) -> None:
    steps: list[str] = []

    async def prefetch(_tx: Tx, events: Sequence[Event]) -> None:
        steps.append("prefetch " + "".join(event.key for event in events))

    async def use_case(_tx: Tx, event: Incremented) -> None:
        steps.append(event.name)

    inbox = Inbox(db, [whenever(Incremented, use_case)], prefetch=prefetch)
    await inbox.consume([message(Incremented(name=name)) for name in "ba"])
    await inbox.consume([])

    assert steps == ["prefetch ab", "a", "b"]


async def test_an_event_type_without_a_policy_is_ignored(db: Database, inbox: Inbox) -> None:
    unknown = message(Incremented(name="a"), type_="test.Decremented.v1")
    newer = message(Incremented(name="a"), type_="test.Incremented.v2")

    await inbox.consume([unknown, message(Noted(name="a")), newer, message(Incremented(name="a"))])

    assert await value(db, "a") == 1
    assert await parked_count(db) == 0


async def test_a_field_added_by_a_newer_publisher_is_ignored(db: Database, inbox: Inbox) -> None:
    await inbox.consume([message(Incremented(name="a"), data=b'{"name":"a","colour":"red"}')])

    assert await value(db, "a") == 1


async def test_effects_and_published_events_are_rolled_back_together(db: Database) -> None:
    async def fail_at_the_end(tx: Tx, event: Incremented) -> None:
        await increment(tx, event.name)
        raise LookupError

    await Inbox(db, [whenever(Incremented, fail_at_the_end)]).consume(
        [message(Incremented(name="a"))]
    )

    async with db.read() as tx:
        published = await tx.scalar(select(func.count()).select_from(OUTBOX))
    assert (await value(db, "a"), published) == (0, 0)


@pytest.mark.parametrize(
    ("point", "before"), [("inbox.before_commit", 0), ("inbox.after_commit", 1)]
)
async def test_a_message_takes_effect_once_despite_a_crash_before_its_acknowledgement(
    db: Database, inbox: Inbox, point: str, before: int
) -> None:
    batch = [message(Incremented(name="a"))]
    crashing = Inbox(db, [whenever(Incremented, count_up)], crash=power_cut_at(point))

    with pytest.raises(PowerCut):
        await crashing.consume(batch)
    left = await value(db, "a")
    await inbox.consume(batch)  # delivered again because it was not acknowledged

    assert left == before
    assert await value(db, "a") == 1
    assert await parked_count(db) == 0


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_use_case_with_a_stale_row_does_not_count_as_failed(db: Database) -> None:
    runs = 0

    async def use_case(tx: Tx, event: Incremented) -> None:
        nonlocal runs
        runs += 1
        counter = await increment(tx, event.name)
        if runs == 1:
            await _increment_in_another_transaction(db, counter.name)

    await Inbox(db, [whenever(Incremented, use_case)]).consume([message(Incremented(name="a"))])

    assert (runs, await value(db, "a"), await parked_count(db)) == (2, 2, 0)


async def _increment_in_another_transaction(db: Database, name: str) -> None:
    async with db.begin() as other:
        await increment(other, name)


async def test_an_unavailable_database_does_not_count_as_a_failure(db: Database) -> None:
    unavailable = True

    async def use_case(tx: Tx, event: Incremented) -> None:
        if unavailable:
            raise DatabaseUnavailable("stopped")
        await increment(tx, event.name)

    inbox = Inbox(db, [whenever(Incremented, use_case)])
    batch = [message(Incremented(name=name)) for name in "ab"]

    with pytest.raises(DatabaseUnavailable):
        await inbox.consume(batch)
    ids_after_failure = await consumed_ids(db)
    unavailable = False
    await inbox.consume(batch)

    assert ids_after_failure == set()
    assert (await value(db, "a"), await value(db, "b"), await parked_count(db)) == (1, 1, 0)


async def test_a_use_case_runs_in_the_trace_of_its_message(db: Database) -> None:
    traces: list[str | None] = []

    async def use_case(_tx: Tx, _event: Incremented, delivered: Message) -> None:
        traces.append(current_trace_id())
        assert delivered.traceparent is not None

    traceparent = new_traceparent()
    delivered = message(Incremented(name="a"), traceparent=traceparent)
    await Inbox(db, [whenever_with_message(Incremented, use_case)]).consume([delivered])

    assert traces == [traceparent.split("-")[1]]


async def test_received_ids_are_kept_for_seven_days(db: Database, inbox: Inbox) -> None:
    old, young = message(Incremented(name="a")), message(Incremented(name="a"))
    await inbox.consume([old, young])
    async with db.begin() as tx:
        now = await tx.now()
        limit = now - INBOX_RETENTION
        for received, time in (
            (old, await past(tx, INBOX_RETENTION)),
            (young, limit + timedelta(minutes=1)),
        ):
            of_message = INBOX.c.event_id == received.event_id
            await tx.execute(update(INBOX).where(of_message).values(received_at=time))

    await db.transact(delete_received)

    assert timedelta(days=7) == INBOX_RETENTION
    assert await consumed_ids(db) == {young.event_id}


def test_two_policies_for_one_event_are_refused(db: Database) -> None:
    async def other(tx: Tx, event: Incremented) -> None: ...

    with pytest.raises(ValueError, match=r"test\.Incremented\.v1"):
        Inbox(db, [whenever(Incremented, count_up), whenever(Incremented, other)])
