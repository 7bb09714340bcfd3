"""Reactions to events: the same result whether they arrive once or often, in any order."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest

from roadbike.contracts.events import (
    AllocationEvent,
    ReservationCancelled,
    StockAllocated,
    StockReleased,
    StockRemoved,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.messaging import parked, refused
from roadbike.kit.messaging.parked import ParkedState
from roadbike.kit.pure.events import Event
from roadbike.kit.pure.refusals import NotFound
from roadbike.reservation.domain import AlreadyDelivered, AlreadyShipped, Reservation
from roadbike.reservation.use_cases.cancel import cancel_reservation
from tests.purchase_events import Story
from tests.reservation.builders import bike_changed, stock_answer
from tests.reservation.service_harness import ReservationHarness

CANCELS: Sequence[tuple[Callable[[Story], Event], Reason]] = [
    (Story.payment_cancelled, Reason.PAYMENT_CANCELLED),
    (Story.expired, Reason.UNPAID),
    (Story.returned, Reason.RETURNED),
    (Story.short, Reason.SOLD_OUT),
]


def story_of(reservation: Reservation) -> Story:
    return Story(reservation_id=reservation.reservation_id, user_id=reservation.user_id)


async def cancel(
    harness: ReservationHarness, reservation: Reservation, owner: str | None = None
) -> Reservation:
    return await harness.db.transact(
        lambda tx: cancel_reservation(
            tx, reservation.reservation_id, Reason.BUYER, by="mine", owner=owner
        )
    )


@pytest.mark.parametrize(("event", "reason"), CANCELS, ids=[reason for _, reason in CANCELS])
async def test_an_event_that_ends_the_purchase_cancels_the_reservation_once(
    harness: ReservationHarness, event: Callable[[Story], Event], reason: Reason
) -> None:
    made = await harness.reserve("mine")

    for _ in range(3):
        await harness.consume(event(story_of(made)))

    kept = await harness.reservation(made.reservation_id)
    assert (kept.reservation_status, kept.reason) == (ReservationStatus.CANCELLED, reason)
    _, published, *more = await harness.published()
    assert isinstance(published, ReservationCancelled)
    assert (published.registered, published.reason, published.version) == (True, reason, 2)
    assert more == []


@pytest.mark.parametrize("event", [event for event, _ in CANCELS], ids=[r for _, r in CANCELS])
async def test_such_an_event_cancels_even_when_the_bike_was_delivered(
    harness: ReservationHarness, event: Callable[[Story], Event]
) -> None:
    made = await harness.reserve()
    await harness.consume(story_of(made).started(), story_of(made).completed())

    await harness.consume(event(story_of(made)))

    kept = await harness.reservation(made.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED


async def test_a_cancelled_reservation_keeps_its_key_and_its_answer(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve("mine")

    await cancel(harness, made)

    assert await harness.count_rows() == (1, 1)


async def test_a_cancelled_reservation_is_unanswered_until_stock_answers(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve()

    await cancel(harness, made)
    assert (await harness.bike()).unanswered == 1
    await harness.consume(stock_answer(StockReleased, made.reservation_id, free=3))

    assert (await harness.bike()).unanswered == 0


async def test_cancelling_twice_publishes_once(harness: ReservationHarness) -> None:
    made = await harness.reserve()

    first, again = await cancel(harness, made), await cancel(harness, made)

    assert first.reservation_status is again.reservation_status is ReservationStatus.CANCELLED
    assert await harness.published_types() == ["ReservationRegistered", "ReservationCancelled"]


async def test_a_cancelled_reservation_may_be_cancelled_again_wherever_the_bike_is(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve()
    await harness.consume(story_of(made).started(), story_of(made).returned())

    again = await cancel(harness, made)

    assert again.reason is Reason.RETURNED


async def test_a_buyer_cannot_cancel_a_bike_that_was_shipped_or_delivered(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve()

    await harness.consume(story_of(made).started())
    with pytest.raises(AlreadyShipped):
        await cancel(harness, made)
    await harness.consume(story_of(made).completed(), story_of(made).started())
    with pytest.raises(AlreadyDelivered):
        await cancel(harness, made)


async def test_a_reservation_of_another_buyer_is_not_found(harness: ReservationHarness) -> None:
    made = await harness.reserve()

    with pytest.raises(NotFound):
        await cancel(harness, made, owner="lee")

    assert (await harness.reservation(made.reservation_id)).registered


async def test_a_pending_reservation_is_not_found(harness: ReservationHarness) -> None:
    pending = await harness.pending()

    with pytest.raises(NotFound):
        await cancel(harness, pending, owner="kim")
    await harness.give_up(pending)
    with pytest.raises(NotFound):
        await cancel(harness, pending, owner="kim")


async def test_the_first_answer_counts_even_when_its_free_seq_is_old(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve()
    await harness.consume(bike_changed(free=9, free_seq=9, bike_version=2))

    await harness.consume(stock_answer(StockAllocated, made.reservation_id, free=2, free_seq=2))

    bike = await harness.bike()
    assert (bike.free, bike.free_seq, bike.unanswered) == (9, 9, 0)


async def test_a_withdrawn_bike_is_not_on_sale_and_its_reservations_stay(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve()
    fields: dict[str, Any] = {
        "bike_id": 1,
        "bike_name": "TREK Emonda",
        "price": 1,
        "stock_quantity": 3,
    }
    removed = StockRemoved(**fields, held_quantity=0, bike_version=2, free=3, free_seq=1)

    await harness.consume(removed)

    assert not (await harness.bike()).on_sale
    assert (await harness.reservation(made.reservation_id)).reason is None


async def test_all_events_consumed_again_with_an_empty_inbox_change_nothing(
    harness: ReservationHarness,
) -> None:
    first, second, third = [await harness.reserve() for _ in range(3)]
    events = [
        bike_changed(price=5_200_000, bike_version=2),
        stock_answer(StockAllocated, first.reservation_id, free=2, free_seq=2),
        stock_answer(StockAllocated, second.reservation_id, free=1, free_seq=3),
        stock_answer(StockShort, third.reservation_id, free=0, free_seq=4),
        story_of(first).started(),
        story_of(first).completed(),
        story_of(second).expired(),
        stock_answer(StockReleased, second.reservation_id, free=1, free_seq=5),
        story_of(first).returned(),
        story_of(first).payment_cancelled(),
    ]
    await harness.consume(*events)
    before, published = await harness.state(), await harness.published()

    await harness.consume(*events)
    for event in events:
        await harness.consume(event)

    assert await harness.state() == before
    assert await harness.published() == published


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_events_does_not_matter(harness: ReservationHarness, seed: int) -> None:
    first, second, third = [await harness.reserve() for _ in range(3)]
    events = [
        stock_answer(StockAllocated, first.reservation_id, free=2, free_seq=2),
        stock_answer(StockAllocated, second.reservation_id, free=1, free_seq=3),
        stock_answer(StockShort, third.reservation_id, free=0, free_seq=4),
        story_of(first).started(),
        story_of(first).completed(),
        story_of(second).expired(),
        stock_answer(StockReleased, second.reservation_id, free=1, free_seq=5),
        bike_changed(price=5_200_000, bike_version=2, free=1, free_seq=5),
    ]
    Random(seed).shuffle(events)  # noqa: S311 it is not for a secret

    for event in events:
        await harness.consume(event)

    bike = await harness.bike()
    assert (bike.price, bike.free, bike.unanswered) == (5_200_000, 1, 0)
    kept = [await harness.reservation(one.reservation_id) for one in (first, second, third)]
    assert [one.reason for one in kept] == [None, Reason.UNPAID, Reason.SOLD_OUT]
    assert (kept[0].shipped, kept[0].delivered) == (True, True)


EVENTS = (
    *("payment_cancelled", "expired", "started", "completed", "returned"),
    *("allocated", "short", "released"),
)


@pytest.mark.parametrize("cause", EVENTS)
@pytest.mark.parametrize(
    "other", [{"bike_id": 2}, {"user_id": "mallory"}, {"reservation_id": UUID(int=7)}]
)
async def test_an_event_about_another_purchase_is_refused(
    harness: ReservationHarness, cause: str, other: dict[str, Any]
) -> None:
    event = getattr(replace(story_of(await harness.reserve()), **other), cause)()
    before = await harness.state()

    await harness.consume(event)

    names_no_user = isinstance(event, AllocationEvent) and "user_id" in other
    assert names_no_user or await harness.state() == before
    async with harness.db.read() as tx:
        assert await refused.count(tx) == (0 if names_no_user else 1)
        assert await parked.count(tx, ParkedState.PARKED) == 0


async def test_a_payment_over_another_price_still_cancels(harness: ReservationHarness) -> None:
    made = await harness.reserve()

    await harness.consume(replace(story_of(made), price=1).expired())

    ended = await harness.reservation(made.reservation_id)
    assert ended.reservation_status is ReservationStatus.CANCELLED
