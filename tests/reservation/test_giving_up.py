"""Intents that come to nothing: tx 2', the resolver, and the allowance that they give back."""

import asyncio

import pytest

from roadbike.contracts.events import (
    PaymentCancelled,
    PaymentExpired,
    ReservationCancelled,
    StockAllocated,
    StockReleased,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from tests.purchases import Story
from tests.reservation.counter import Counter, slugs
from tests.reservation.things import an_order, answered, bike_told


async def test_an_intent_given_up_is_cancelled_and_frees_its_place_and_its_key(
    counter: Counter,
) -> None:
    intent = await counter.intent("mine")

    await counter.give_up(intent)

    kept = await counter.reservation(intent.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert (kept.registered, kept.reason) == (False, Reason.NOT_OPENED)
    assert (await counter.bike()).unanswered == 0
    assert await counter.rows() == (1, 0)
    (event,) = await counter.told()
    assert isinstance(event, ReservationCancelled)
    assert (event.registered, event.reason) == (False, Reason.NOT_OPENED)


async def test_giving_up_twice_changes_nothing(counter: Counter) -> None:
    intent = await counter.intent("mine")
    await counter.give_up(intent)
    before = await counter.state()

    await counter.give_up(intent)
    await counter.give_up(intent, intent)

    assert await counter.state() == before
    assert await counter.told_names() == ["ReservationCancelled"]


async def test_giving_up_at_once_gives_the_place_back_once(counter: Counter) -> None:
    intents = [await counter.intent() for _ in range(3)]

    await asyncio.gather(*[counter.give_up(*intents) for _ in range(4)])

    assert (await counter.bike()).unanswered == 0
    assert await counter.told_names() == ["ReservationCancelled"] * 3


@pytest.mark.parametrize("event", [StockReleased, StockShort, StockAllocated])
async def test_an_answer_after_giving_up_gives_nothing_back_again(
    counter: Counter, event: type[StockReleased]
) -> None:
    intent = await counter.intent()
    await counter.intent()
    await counter.give_up(intent)

    await counter.hear(answered(event, intent.reservation_id))
    await counter.hear(answered(event, intent.reservation_id, free_seq=3))

    assert (await counter.bike()).unanswered == 1
    assert await counter.told_names() == ["ReservationCancelled"]


async def test_an_answer_before_giving_up_is_the_one_that_counts(counter: Counter) -> None:
    intent = await counter.intent()
    await counter.intent()
    await counter.hear(answered(StockReleased, intent.reservation_id))

    await counter.give_up(intent)

    assert (await counter.bike()).unanswered == 1


@pytest.mark.parametrize("cause", ["payment_cancelled", "expired"])
async def test_an_intent_that_others_cancel_gives_its_place_and_its_key_back_too(
    counter: Counter, cause: str
) -> None:
    intent = await counter.intent("mine")
    event: PaymentCancelled | PaymentExpired = getattr(
        Story(reservation_id=intent.reservation_id), cause
    )()

    await counter.hear(event)

    assert (await counter.bike()).unanswered == 0
    assert await counter.rows() == (1, 0)
    (told,) = await counter.told()
    assert not told.registered


async def test_an_intent_that_stock_is_short_of_gives_its_key_back_too(counter: Counter) -> None:
    intent = await counter.intent("mine")

    await counter.hear(answered(StockShort, intent.reservation_id))

    assert (await counter.bike()).unanswered == 0
    assert await counter.rows() == (1, 0)


async def test_the_resolver_cancels_what_nobody_completed_within_five_seconds(
    counter: Counter,
) -> None:
    old = await counter.intent("old")
    await counter.age(seconds=5.5)
    young = await counter.intent("young")

    await counter.tick("resolve_intents")

    kept = await counter.reservation(old.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert kept.reason is Reason.UNANSWERED
    still = await counter.reservation(young.reservation_id)
    assert still.reservation_status is ReservationStatus.PENDING
    assert (await counter.bike()).unanswered == 1
    assert await counter.rows() == (2, 1)


async def test_the_resolver_leaves_an_intent_of_four_seconds_alone(counter: Counter) -> None:
    intent = await counter.intent()
    await counter.age(seconds=4)

    await counter.tick("resolve_intents")

    kept = await counter.reservation(intent.reservation_id)
    assert kept.reservation_status is ReservationStatus.PENDING


async def test_the_resolver_leaves_reservations_alone(counter: Counter) -> None:
    made = await counter.reserve("mine")
    await counter.age(hours=2)
    before = await counter.state()

    await counter.tick("resolve_intents")

    assert await counter.state() == before
    assert (await counter.reservation(made.reservation_id)).registered


async def test_two_resolvers_at_once_cancel_each_intent_once(counter: Counter) -> None:
    for _ in range(3):
        await counter.intent()
    await counter.age(seconds=6)

    await asyncio.gather(*[counter.tick("resolve_intents") for _ in range(3)])

    assert await counter.told_names() == ["ReservationCancelled"] * 3
    assert (await counter.bike()).unanswered == 0


async def test_intents_of_many_bikes_are_resolved_together(counter: Counter) -> None:
    await counter.hear(bike_told(bike_id=2), bike_told(bike_id=3))
    orders = [an_order(str(number), bike_id=1 + number % 3) for number in range(9)]
    assert slugs(await counter.begin(*orders)) == ["taken"] * 9
    await counter.age(minutes=1)

    await counter.tick("resolve_intents")

    assert [(await counter.bike(at)).unanswered for at in (1, 2, 3)] == [0, 0, 0]
    assert await counter.rows() == (9, 0)


async def test_a_key_is_free_again_after_the_resolver(counter: Counter) -> None:
    await counter.intent("mine")
    await counter.age(seconds=6)
    await counter.tick("resolve_intents")

    results = await counter.begin(an_order("mine", asked="something else"))

    assert slugs(results) == ["taken"]


async def test_intents_are_counted_until_they_are_resolved(counter: Counter) -> None:
    await counter.intent()
    await counter.reserve()
    count = counter.service.gauges["pending"]

    async with counter.db.read() as tx:
        before = await count(tx)
    await counter.age(seconds=6)
    await counter.tick("resolve_intents")

    assert before == 1
    async with counter.db.read() as tx:
        assert await count(tx) == 0


async def test_keys_are_forgotten_after_a_day_however_many_there_are(counter: Counter) -> None:
    await counter.hear(bike_told(free=100, free_seq=2))
    intents = await counter.begin(*[an_order(f"old {number}") for number in range(30)])
    await counter.register(*intents)
    await counter.age(hours=24, minutes=1)
    await counter.reserve("young")

    await counter.tick("forget_old_keys")

    assert await counter.rows() == (31, 1)
