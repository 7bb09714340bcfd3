"""Tx 2: what is still an intent becomes a reservation and is told; nothing else is."""

import asyncio
from datetime import timedelta

import msgspec

from roadbike.contracts.events import ReservationRegistered, StockAllocated
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit import idempotency
from roadbike.reservation import store
from roadbike.reservation.use_cases.reserve import Receipt
from tests.reservation.counter import Counter, slugs
from tests.reservation.things import a_key, answered, bike_told


async def test_an_intent_becomes_a_reservation_and_is_told(counter: Counter) -> None:
    intent = await counter.intent()

    (receipt,) = await counter.register(intent)

    kept = await counter.reservation(intent.reservation_id)
    assert kept.reservation_status is ReservationStatus.RESERVED
    assert kept.registered
    (event,) = await counter.told()
    assert isinstance(event, ReservationRegistered)
    assert (event.reservation_id, event.version) == (intent.reservation_id, 1)
    assert event.reserve_seq == kept.reserve_seq
    assert isinstance(receipt, Receipt)
    assert msgspec.json.decode(receipt.answer)["reserveStatus"] == "예약완료"


async def test_the_price_stays_as_it_was_at_the_intent(counter: Counter) -> None:
    intent = await counter.intent()
    await counter.hear(bike_told(price=9_900_000, bike_version=2))

    await counter.register(intent)

    (event,) = await counter.told()
    assert (event.price, event.bike_version) == (intent.price, 1)


async def test_numbers_are_drawn_in_the_order_of_registration(counter: Counter) -> None:
    first, second, third = [await counter.intent() for _ in range(3)]

    await counter.register(third)
    await counter.register(first, second)

    events = await counter.told()
    assert [event.reservation_id for event in events] == [
        intent.reservation_id for intent in (third, first, second)
    ]
    numbers = [event.reserve_seq for event in events]
    assert numbers == sorted(set(numbers))


async def test_a_cancelled_intent_is_not_registered_and_nothing_is_told(counter: Counter) -> None:
    intent = await counter.intent()
    await counter.give_up(intent)
    before = await counter.told_names()

    results = await counter.register(intent)

    assert slugs(results) == ["payment-unavailable"]
    assert results[0].retry_after
    assert await counter.told_names() == before
    kept = await counter.reservation(intent.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert kept.reserve_seq is None


async def test_a_cancelled_intent_does_not_stop_the_others_of_its_batch(counter: Counter) -> None:
    first, second, third = [await counter.intent(name) for name in ("a", "b", "c")]
    await counter.give_up(second)

    results = await counter.register(first, second, third)

    assert slugs(results) == ["taken", "payment-unavailable", "taken"]
    names = await counter.told_names()
    assert names == ["ReservationCancelled", "ReservationRegistered", "ReservationRegistered"]


async def test_two_that_drive_one_intent_on_make_one_reservation(counter: Counter) -> None:
    intent = await counter.intent("mine")

    apart = await asyncio.gather(counter.register(intent), counter.register(intent))
    together = await counter.register(intent, intent)

    results = [*apart[0], *apart[1], *together]
    assert slugs(results).count("taken") == 1
    assert await counter.told_names() == ["ReservationRegistered"]


async def test_two_of_one_batch_that_drive_one_intent_on_make_one_reservation(
    counter: Counter,
) -> None:
    intent = await counter.intent("mine")

    results = await counter.register(intent, intent)

    assert slugs(results) == ["taken", "payment-unavailable"]
    assert await counter.told_names() == ["ReservationRegistered"]


async def test_the_answer_is_kept_with_the_key(counter: Counter) -> None:
    intent = await counter.intent("mine")

    (receipt,) = await counter.register(intent)

    async with counter.db.read() as tx:
        (earlier,) = await idempotency.earlier_requests(tx, store.KEY, [a_key("mine")])
    assert isinstance(earlier, idempotency.EarlierRequest)
    assert earlier.result_id == intent.reservation_id
    assert earlier.response == receipt.answer
    assert timedelta() <= earlier.age < timedelta(seconds=60)


async def test_a_registration_and_a_cancel_at_once_leave_one_of_both(counter: Counter) -> None:
    intents = [await counter.intent() for _ in range(3)]

    await asyncio.gather(
        counter.register(*intents), *[counter.give_up(intent) for intent in reversed(intents)]
    )

    for intent in intents:
        kept = await counter.reservation(intent.reservation_id)
        names = [
            type(event).__name__
            for event in await counter.told()
            if event.reservation_id == intent.reservation_id
        ]
        assert names == (["ReservationRegistered"] if kept.registered else ["ReservationCancelled"])


async def test_a_registered_reservation_waits_for_stocks_answer(counter: Counter) -> None:
    made = await counter.reserve()
    assert (await counter.bike()).unanswered == 1

    await counter.hear(answered(StockAllocated, made.reservation_id))

    bike = await counter.bike()
    assert (bike.free, bike.unanswered) == (2, 0)
