"""What delivery consumes takes effect once, in any order, on a real database."""

import asyncio
from itertools import permutations

import pytest
from sqlalchemy import select

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery import store
from roadbike.delivery.domain import Delivery
from roadbike.kit.pure.events import Event
from tests.purchase_events import Story
from tests.service_harness import ServiceHarness


async def row_of(delivery: ServiceHarness, story: Story) -> Delivery | None:
    async with delivery.db.read() as tx:
        return await store.DELIVERIES.get(tx, story.reservation_id)


async def test_a_paid_reservation_becomes_a_delivery(delivery: ServiceHarness) -> None:
    story = Story()

    await delivery.consume(story.registered())
    await delivery.consume(story.approved())

    row = await row_of(delivery, story)
    assert row is not None
    assert row.delivery_status is DeliveryStatus.PREPARING
    [prepared] = await delivery.published()
    assert prepared.version == 1
    assert prepared.delivery_id == row.delivery_id


async def test_every_order_consumed_twice_leaves_one_cancelled_delivery(
    delivery: ServiceHarness,
) -> None:
    for order in permutations(range(4)):
        story = Story()
        purchase = [
            story.registered(),
            story.approved(),
            story.cancelled(),
            story.payment_cancelled(),
        ]
        for index in [*order, *order]:
            await delivery.consume(purchase[index])

        events = [e for e in await delivery.published() if e.reservation_id == story.reservation_id]
        names = [type(event).__name__ for event in events]
        assert names in (["DeliveryCancelled"], ["DeliveryPrepared", "DeliveryCancelled"])
        assert [event.version for event in events] == [*range(1, len(events) + 1)]


async def test_one_batch_may_hold_a_whole_purchase(delivery: ServiceHarness) -> None:
    story = Story()

    await delivery.consume(story.approved(), story.allocated(), story.registered())

    assert await delivery.published_types() == ["DeliveryPrepared"]


async def test_a_big_batch_takes_a_handful_of_statements(delivery: ServiceHarness) -> None:
    stories = [Story() for _ in range(50)]
    purchases = [[s.registered(), s.approved(), s.allocated(), s.cancelled()] for s in stories]

    with delivery.statements() as statements:
        await delivery.consume(*(event for purchase in purchases for event in purchase))

    assert len(statements) <= 7, statements
    assert len(await delivery.published()) == 100


async def test_the_cancel_of_a_reservation_that_was_never_registered_leaves_no_row(
    delivery: ServiceHarness,
) -> None:
    story = Story()

    await delivery.consume(story.cancelled(registered=False))

    assert await row_of(delivery, story) is None
    assert await delivery.published() == []


async def test_replicas_that_consume_different_events_of_a_purchase_miss_none(
    delivery: ServiceHarness,
) -> None:
    stories = [Story() for _ in range(10)]

    async def replica(name: str) -> None:
        for story in stories:
            event: Event = getattr(story, name)()
            await delivery.consume(event)

    await asyncio.gather(replica("registered"), replica("approved"), replica("allocated"))

    assert await delivery.published_types() == ["DeliveryPrepared"] * 10


async def test_a_row_comes_back_from_the_database_as_it_was_saved(delivery: ServiceHarness) -> None:
    story = Story()
    await delivery.consume(story.registered(), story.approved())

    row = await row_of(delivery, story)

    assert row is not None
    assert (row.user_name, row.address) == ("김하나", "성남시 분당구 야탑로 1")
    assert (row.payment_id, row.row_version) == (story.payment_id, 1)


@pytest.mark.parametrize("closing", ["cancelled", "payment_cancelled"])
async def test_a_closed_row_stays_closed(delivery: ServiceHarness, closing: str) -> None:
    story = Story()
    await delivery.consume(getattr(story, closing)())

    await delivery.consume(story.registered(), story.approved(), story.allocated())

    async with delivery.db.read() as tx:
        [row] = await tx.rows(select(store.DELIVERY))
    assert row["delivery_status"] is None
    assert row["closed"]
    assert await delivery.published_types() == ["DeliveryCancelled"]
