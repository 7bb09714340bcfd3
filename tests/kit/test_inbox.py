"""Each message takes effect once, whatever comes twice, crashes or fails beside it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.inbox import INBOX, KEPT, Inbox, delete_received
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.parked import ParkedState, count
from roadbike.kit.process.service import whenever, whenever_with_message
from roadbike.kit.pure.events import Event
from roadbike.kit.trace import current_trace_id, new_traceparent
from tests.kit.brokers import PowerCut, power_cut_at
from tests.kit.things import Noted, Raised, message, raise_counter, value


async def count_up(tx: Tx, event: Raised) -> None:
    await raise_counter(tx, event.name)


@pytest.fixture
def inbox(db: Database) -> Inbox:
    return Inbox(db, [whenever(Raised, count_up)])


async def number_of(db: Database, state: ParkedState = ParkedState.PARKED) -> int:
    async with db.read() as tx:
        return await count(tx, state)


async def seen(db: Database) -> set[UUID]:
    async with db.read() as tx:
        return {row["event_id"] for row in await tx.rows(select(INBOX.c.event_id))}


async def test_a_message_takes_effect(db: Database, inbox: Inbox) -> None:
    await inbox.take([message(Raised(name="a"))])

    assert await value(db, "a") == 1


async def test_a_message_that_comes_again_does_nothing(db: Database, inbox: Inbox) -> None:
    once = message(Raised(name="a"))

    await inbox.take([once])
    await inbox.take([once])
    await inbox.take([once, message(Raised(name="a")), once])

    assert await value(db, "a") == 2


async def test_a_message_that_two_replicas_get_at_once_takes_effect_once(
    db: Database, inbox: Inbox, open_database: Callable[[str], Database], database_url: str
) -> None:
    other = Inbox(open_database(database_url), [whenever(Raised, count_up)])
    batches = [[message(Raised(name=f"n{n}")) for n in range(20)] for _ in range(5)]

    await asyncio.gather(
        *(replica.take(batch) for batch in batches for replica in (inbox, other)),
        *(replica.take(batch[::-1]) for batch in batches for replica in (inbox, other)),
    )

    assert {await value(db, f"n{n}") for n in range(20)} == {5}
    assert await number_of(db) == 0


async def test_a_batch_takes_effect_in_one_transaction(db: Database) -> None:
    transactions: set[int] = set()

    async def use_case(tx: Tx, event: Raised) -> None:
        transactions.add(id(tx))
        await raise_counter(tx, event.name)

    await Inbox(db, [whenever(Raised, use_case)]).take(
        [message(Raised(name=f"n{n % 10}")) for n in range(200)]
    )

    assert len(transactions) == 1
    assert {await value(db, f"n{n}") for n in range(10)} == {20}


async def test_rows_are_touched_in_key_order_and_within_a_key_as_they_came(db: Database) -> None:
    touched: list[tuple[str, int]] = []

    async def use_case(_tx: Tx, event: Raised) -> None:
        touched.append((event.name, event.value))

    names = "cabcab"
    await Inbox(db, [whenever(Raised, use_case)]).take(
        [message(Raised(name=name, value=n)) for n, name in enumerate(names)]
    )

    assert touched == [("a", 1), ("a", 4), ("b", 2), ("b", 5), ("c", 0), ("c", 3)]


async def test_what_a_batch_will_touch_is_fetched_first_and_at_once(db: Database) -> None:
    steps: list[str] = []

    async def fetch(_tx: Tx, events: Sequence[Event]) -> None:
        steps.append("fetch " + "".join(event.key for event in events))

    async def use_case(_tx: Tx, event: Raised) -> None:
        steps.append(event.name)

    inbox = Inbox(db, [whenever(Raised, use_case)], prefetch=fetch)
    await inbox.take([message(Raised(name=name)) for name in "ba"])
    await inbox.take([])

    assert steps == ["fetch ab", "a", "b"]


async def test_a_type_that_nobody_here_reacts_to_is_let_go(db: Database, inbox: Inbox) -> None:
    unknown = message(Raised(name="a"), type_="test.Lowered.v1")
    newer = message(Raised(name="a"), type_="test.Raised.v2")

    await inbox.take([unknown, message(Noted(name="a")), newer, message(Raised(name="a"))])

    assert await value(db, "a") == 1
    assert await number_of(db) == 0


async def test_what_a_newer_teller_added_is_ignored(db: Database, inbox: Inbox) -> None:
    await inbox.take([message(Raised(name="a"), data=b'{"name":"a","colour":"red"}')])

    assert await value(db, "a") == 1


async def test_effects_and_what_is_told_of_them_are_one(db: Database) -> None:
    async def fail_in_the_end(tx: Tx, event: Raised) -> None:
        await raise_counter(tx, event.name)
        raise LookupError

    await Inbox(db, [whenever(Raised, fail_in_the_end)]).take([message(Raised(name="a"))])

    async with db.read() as tx:
        told = await tx.scalar(select(func.count()).select_from(OUTBOX))
    assert (await value(db, "a"), told) == (0, 0)


@pytest.mark.parametrize(
    ("point", "before"), [("inbox.before_commit", 0), ("inbox.after_commit", 1)]
)
async def test_a_crash_before_the_acknowledgement_has_no_second_effect(
    db: Database, inbox: Inbox, point: str, before: int
) -> None:
    batch = [message(Raised(name="a"))]
    crashing = Inbox(db, [whenever(Raised, count_up)], crash=power_cut_at(point))

    with pytest.raises(PowerCut):
        await crashing.take(batch)
    left = await value(db, "a")
    await inbox.take(batch)  # delivered again, as it was not acknowledged

    assert left == before
    assert await value(db, "a") == 1
    assert await number_of(db) == 0


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_handler_that_was_too_slow_is_not_counted_as_failed(db: Database) -> None:
    runs = 0

    async def use_case(tx: Tx, event: Raised) -> None:
        nonlocal runs
        runs += 1
        counter = await raise_counter(tx, event.name)
        if runs == 1:
            await _change_behind_the_back_of(db, counter.name)

    await Inbox(db, [whenever(Raised, use_case)]).take([message(Raised(name="a"))])

    assert (runs, await value(db, "a"), await number_of(db)) == (2, 2, 0)


async def _change_behind_the_back_of(db: Database, name: str) -> None:
    async with db.begin() as other:
        await raise_counter(other, name)


async def test_a_database_that_is_away_is_not_counted(db: Database) -> None:
    away = True

    async def use_case(tx: Tx, event: Raised) -> None:
        if away:
            raise DatabaseUnavailable("pulled the plug")
        await raise_counter(tx, event.name)

    inbox = Inbox(db, [whenever(Raised, use_case)])
    batch = [message(Raised(name=name)) for name in "ab"]

    with pytest.raises(DatabaseUnavailable):
        await inbox.take(batch)
    nothing = await seen(db)
    away = False
    await inbox.take(batch)

    assert nothing == set()
    assert (await value(db, "a"), await value(db, "b"), await number_of(db)) == (1, 1, 0)


async def test_a_handler_runs_in_the_trace_of_its_message(db: Database) -> None:
    traces: list[str | None] = []

    async def use_case(_tx: Tx, _event: Raised, told: Message) -> None:
        traces.append(current_trace_id())
        assert told.traceparent is not None

    traceparent = new_traceparent()
    told = message(Raised(name="a"), traceparent=traceparent)
    await Inbox(db, [whenever_with_message(Raised, use_case)]).take([told])

    assert traces == [traceparent.split("-")[1]]


async def test_received_ids_are_kept_for_seven_days(db: Database, inbox: Inbox) -> None:
    old, young = message(Raised(name="a")), message(Raised(name="a"))
    await inbox.take([old, young])
    async with db.begin() as tx:
        now = await tx.now()
        for one, at in ((old, now - KEPT), (young, now - KEPT + timedelta(minutes=1))):
            mine = INBOX.c.event_id == one.event_id
            await tx.execute(update(INBOX).where(mine).values(received_at=at))

    await db.transact(delete_received)

    assert timedelta(days=7) == KEPT
    assert await seen(db) == {young.event_id}


def test_two_reactions_to_one_event_would_hide_each_other_and_are_refused(db: Database) -> None:
    async def other(tx: Tx, event: Raised) -> None: ...

    with pytest.raises(ValueError, match=r"test\.Raised\.v1"):
        Inbox(db, [whenever(Raised, count_up), whenever(Raised, other)])
