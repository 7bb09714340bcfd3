"""What reservation hears: once or often, first or last, it ends the same."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from roadbike.contracts.events import (
    ReservationCancelled,
    StockAllocated,
    StockReleased,
    StockRemoved,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.pure.events import Event
from roadbike.kit.pure.refusals import NotFound
from roadbike.reservation.domain import AlreadyDelivered, AlreadyShipped, Reservation
from roadbike.reservation.use_cases.cancel import cancel_reservation
from tests.purchases import Story
from tests.reservation.counter import Counter
from tests.reservation.things import answered, bike_told

CANCELS: Sequence[tuple[Callable[[Story], Event], Reason]] = [
    (Story.payment_cancelled, Reason.PAYMENT_CANCELLED),
    (Story.expired, Reason.UNPAID),
    (Story.returned, Reason.RETURNED),
    (Story.short, Reason.SOLD_OUT),
]


def story_of(reservation: Reservation) -> Story:
    return Story(reservation_id=reservation.reservation_id, user_id=reservation.user_id)


async def cancel(
    counter: Counter, reservation: Reservation, owner: str | None = None
) -> Reservation:
    return await counter.db.transact(
        lambda tx: cancel_reservation(tx, reservation.reservation_id, Reason.BUYER, owner=owner)
    )


@pytest.mark.parametrize(("event", "reason"), CANCELS, ids=[reason for _, reason in CANCELS])
async def test_what_others_have_undone_cancels_the_reservation_once(
    counter: Counter, event: Callable[[Story], Event], reason: Reason
) -> None:
    made = await counter.reserve("mine")

    for _ in range(3):
        await counter.hear(event(story_of(made)))

    kept = await counter.reservation(made.reservation_id)
    assert (kept.reservation_status, kept.reason) == (ReservationStatus.CANCELLED, reason)
    _, told, *more = await counter.told()
    assert isinstance(told, ReservationCancelled)
    assert (told.registered, told.reason, told.version) == (True, reason, 2)
    assert more == []


@pytest.mark.parametrize("event", [event for event, _ in CANCELS], ids=[r for _, r in CANCELS])
async def test_a_bike_that_was_sent_is_cancelled_by_others_all_the_same(
    counter: Counter, event: Callable[[Story], Event]
) -> None:
    made = await counter.reserve()
    await counter.hear(story_of(made).started(), story_of(made).completed())

    await counter.hear(event(story_of(made)))

    kept = await counter.reservation(made.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED


async def test_a_cancelled_reservation_keeps_its_key_and_its_answer(counter: Counter) -> None:
    made = await counter.reserve("mine")

    await cancel(counter, made)

    assert await counter.rows() == (1, 1)


async def test_a_cancelled_reservation_gives_its_place_back_only_when_stock_answers(
    counter: Counter,
) -> None:
    made = await counter.reserve()

    await cancel(counter, made)
    assert (await counter.bike()).unanswered == 1
    await counter.hear(answered(StockReleased, made.reservation_id, free=3))

    assert (await counter.bike()).unanswered == 0


async def test_cancelling_twice_tells_once(counter: Counter) -> None:
    made = await counter.reserve()

    first, again = await cancel(counter, made), await cancel(counter, made)

    assert first.reservation_status is again.reservation_status is ReservationStatus.CANCELLED
    assert await counter.told_names() == ["ReservationRegistered", "ReservationCancelled"]


async def test_what_is_cancelled_may_be_cancelled_again_wherever_the_bike_is(
    counter: Counter,
) -> None:
    made = await counter.reserve()
    await counter.hear(story_of(made).started(), story_of(made).returned())

    again = await cancel(counter, made)

    assert again.reason is Reason.RETURNED


async def test_a_bike_that_left_or_arrived_is_not_cancelled_by_the_buyer(counter: Counter) -> None:
    made = await counter.reserve()

    await counter.hear(story_of(made).started())
    with pytest.raises(AlreadyShipped):
        await cancel(counter, made)
    await counter.hear(story_of(made).completed(), story_of(made).started())
    with pytest.raises(AlreadyDelivered):
        await cancel(counter, made)


async def test_a_reservation_of_somebody_else_is_not_found(counter: Counter) -> None:
    made = await counter.reserve()

    with pytest.raises(NotFound):
        await cancel(counter, made, owner="lee")

    assert (await counter.reservation(made.reservation_id)).registered


async def test_an_intent_is_not_found(counter: Counter) -> None:
    intent = await counter.intent()

    with pytest.raises(NotFound):
        await cancel(counter, intent, owner="kim")
    await counter.give_up(intent)
    with pytest.raises(NotFound):
        await cancel(counter, intent, owner="kim")


async def test_a_first_answer_counts_though_its_number_is_old(counter: Counter) -> None:
    made = await counter.reserve()
    await counter.hear(bike_told(free=9, free_seq=9, bike_version=2))

    await counter.hear(answered(StockAllocated, made.reservation_id, free=2, free_seq=2))

    bike = await counter.bike()
    assert (bike.free, bike.free_seq, bike.unanswered) == (9, 9, 0)


async def test_a_withdrawn_bike_is_not_reserved_and_its_reservations_stand(
    counter: Counter,
) -> None:
    made = await counter.reserve()
    facts: dict[str, Any] = {
        "bike_id": 1,
        "bike_name": "TREK Emonda",
        "price": 1,
        "stock_quantity": 3,
    }
    removed = StockRemoved(**facts, held_quantity=0, bike_version=2, free=3, free_seq=1)

    await counter.hear(removed)

    assert not (await counter.bike()).on_sale
    assert (await counter.reservation(made.reservation_id)).reason is None


async def test_everything_heard_again_with_an_empty_inbox_changes_nothing(
    counter: Counter,
) -> None:
    first, second, third = [await counter.reserve() for _ in range(3)]
    heard = [
        bike_told(price=5_200_000, bike_version=2),
        answered(StockAllocated, first.reservation_id, free=2, free_seq=2),
        answered(StockAllocated, second.reservation_id, free=1, free_seq=3),
        answered(StockShort, third.reservation_id, free=0, free_seq=4),
        story_of(first).started(),
        story_of(first).completed(),
        story_of(second).expired(),
        answered(StockReleased, second.reservation_id, free=1, free_seq=5),
        story_of(first).returned(),
        story_of(first).payment_cancelled(),
    ]
    await counter.hear(*heard)
    before, told = await counter.state(), await counter.told()

    await counter.hear(*heard)
    for event in heard:
        await counter.hear(event)

    assert await counter.state() == before
    assert await counter.told() == told


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_what_is_heard_does_not_matter(counter: Counter, seed: int) -> None:
    first, second, third = [await counter.reserve() for _ in range(3)]
    heard = [
        answered(StockAllocated, first.reservation_id, free=2, free_seq=2),
        answered(StockAllocated, second.reservation_id, free=1, free_seq=3),
        answered(StockShort, third.reservation_id, free=0, free_seq=4),
        story_of(first).started(),
        story_of(first).completed(),
        story_of(second).expired(),
        answered(StockReleased, second.reservation_id, free=1, free_seq=5),
        bike_told(price=5_200_000, bike_version=2, free=1, free_seq=5),
    ]
    Random(seed).shuffle(heard)  # noqa: S311 no secret

    for event in heard:
        await counter.hear(event)

    bike = await counter.bike()
    assert (bike.price, bike.free, bike.unanswered) == (5_200_000, 1, 0)
    kept = [await counter.reservation(one.reservation_id) for one in (first, second, third)]
    assert [one.reason for one in kept] == [None, Reason.UNPAID, Reason.SOLD_OUT]
    assert (kept[0].shipped, kept[0].delivered) == (True, True)
