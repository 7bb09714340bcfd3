"""My page stores and projects each event once, on a real database, and can be rebuilt."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.contracts.statuses import PaymentStatus, ReservationStatus
from roadbike.kit.db import Database
from roadbike.mypage import store
from roadbike.mypage.domain import Purchase
from roadbike.mypage.use_cases import rebuild
from tests.purchase_events import Story
from tests.service_harness import ServiceHarness, message


def purchase_of(story: Story) -> list[AnyPurchaseEvent]:
    return [
        story.registered(),
        story.opened(),
        story.allocated(),
        story.confirming(),
        story.approved(),
        story.prepared(),
        story.started(),
    ]


async def row_of(mypage: ServiceHarness, reservation_id: UUID) -> Purchase | None:
    async with mypage.db.read() as tx:
        return await store.PURCHASES.get(tx, reservation_id)


async def everything(db: Database) -> list[Sequence[Any]]:
    async with db.read() as tx:
        return [
            [tuple(row.values()) for row in await tx.rows(select(table).order_by(*key))]
            for table in (store.PURCHASE, store.STORED_EVENT)
            for key in [list(table.primary_key.columns)]
        ]


def ignored(_done: int, _total: int) -> None:
    """Ignore the progress."""


async def test_a_batch_makes_the_same_rows_as_one_by_one(mypage: ServiceHarness) -> None:
    together, apart = Story(), Story()

    await mypage.consume(*purchase_of(together))
    for event in purchase_of(apart):
        await mypage.consume(event)

    first = await row_of(mypage, together.reservation_id)
    second = await row_of(mypage, apart.reservation_id)
    assert first is not None
    assert second is not None
    assert first.payment_status is second.payment_status is PaymentStatus.PAID
    assert first.delivery_version == second.delivery_version == 2


async def test_the_whole_stream_again_under_new_ids_changes_nothing(mypage: ServiceHarness) -> None:
    events = [event for _ in range(5) for event in purchase_of(Story())]
    await mypage.consume(*events)
    before = await everything(mypage.db)

    await mypage.consume(*reversed(events))

    assert await everything(mypage.db) == before


async def test_each_event_is_stored_as_it_came(mypage: ServiceHarness) -> None:
    sent = message(Story().opened())

    await mypage.consume_messages([sent, sent])

    async with mypage.db.read() as tx:
        [stored] = await tx.rows(select(store.STORED_EVENT))
    assert stored["event_id"] == sent.event_id
    assert (stored["data"], stored["time"], stored["type"]) == (sent.data, sent.time, sent.type)


async def test_a_big_batch_takes_a_handful_of_statements(mypage: ServiceHarness) -> None:
    purchases = [purchase_of(Story()) for _ in range(28)]

    with mypage.statements() as statements:
        await mypage.consume(*(event for purchase in purchases for event in purchase))

    assert len(statements) <= 6, statements


async def test_replicas_consume_one_purchase_at_once(mypage: ServiceHarness) -> None:
    stories = [Story() for _ in range(10)]

    async def replica(index: int) -> None:
        for story in stories:
            await mypage.consume(purchase_of(story)[index])

    await asyncio.gather(*(replica(index) for index in range(7)))

    for story in stories:
        row = await row_of(mypage, story.reservation_id)
        assert row is not None
        assert (row.registered, row.payment_version, row.delivery_version) == (True, 3, 2)


async def test_a_rebuild_gives_the_same_bytes(mypage: ServiceHarness) -> None:
    for _ in range(3):
        await mypage.consume(*purchase_of(Story()))
    before = await everything(mypage.db)

    await rebuild(mypage.db, ignored)

    assert await everything(mypage.db) == before


async def test_a_rebuild_restores_damaged_and_lost_rows(mypage: ServiceHarness) -> None:
    damaged, lost = Story(), Story()
    await mypage.consume(*purchase_of(damaged), *purchase_of(lost))
    before = [await row_of(mypage, story.reservation_id) for story in (damaged, lost)]
    row = store.PURCHASE.c.reservation_id
    async with mypage.db.begin() as tx:
        await tx.execute(
            update(store.PURCHASE)
            .where(row == damaged.reservation_id)
            .values(reservation_status=ReservationStatus.CANCELLED, price=1)
        )
        await tx.execute(delete(store.PURCHASE).where(row == lost.reservation_id))

    await rebuild(mypage.db, ignored)

    after = [await row_of(mypage, story.reservation_id) for story in (damaged, lost)]
    assert [without_row_version(row) for row in after] == [
        without_row_version(row) for row in before
    ]


async def test_a_rebuild_reports_its_progress(mypage: ServiceHarness) -> None:
    for _ in range(5):
        await mypage.consume(Story().registered())
    progress: list[tuple[int, int]] = []

    await rebuild(mypage.db, lambda done, total: progress.append((done, total)), batch=2)

    assert progress == [(done, 5) for done in range(1, 6)]


async def test_live_events_during_a_rebuild_are_not_lost(mypage: ServiceHarness) -> None:
    stories = [Story() for _ in range(20)]
    await mypage.consume(*(story.registered() for story in stories))

    async def live() -> None:
        for index in range(1, 7):
            await mypage.consume(*(purchase_of(story)[index] for story in stories))

    async def rebuild_until_done(consuming: asyncio.Task[None]) -> None:
        while not consuming.done():
            await rebuild(mypage.db, ignored)

    consuming = asyncio.create_task(live())
    await asyncio.gather(consuming, rebuild_until_done(consuming))

    for story in stories:
        row = await row_of(mypage, story.reservation_id)
        assert row is not None
        assert (row.payment_version, row.delivery_version) == (3, 2)


def without_row_version(row: Purchase | None) -> dict[str, Any]:
    assert row is not None
    names = [name for name in Purchase.__slots__ if name != "row_version"]
    return {name: getattr(row, name) for name in names}
