"""Register: what is still pending becomes a reservation, and its event is published."""

import asyncio
from datetime import timedelta

import msgspec

from roadbike.contracts.events import ReservationRegistered, StockAllocated
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit import idempotency
from roadbike.reservation import store
from roadbike.reservation.use_cases.steps import Receipt
from tests.reservation.builders import a_key, bike_changed, stock_answer
from tests.reservation.service_harness import ReservationHarness, slugs


async def test_a_pending_reservation_becomes_a_reservation_and_its_event_is_published(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending()

    (receipt,) = await harness.register(pending)

    kept = await harness.reservation(pending.reservation_id)
    assert kept.reservation_status is ReservationStatus.RESERVED
    assert kept.registered
    (event,) = await harness.published()
    assert isinstance(event, ReservationRegistered)
    assert (event.reservation_id, event.version) == (pending.reservation_id, 1)
    assert event.reserve_seq == kept.reserve_seq
    assert isinstance(receipt, Receipt)
    assert msgspec.json.decode(receipt.answer)["reserveStatus"] == "예약완료"


async def test_the_price_stays_as_it_was_when_the_unit_was_taken(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending()
    await harness.consume(bike_changed(price=9_900_000, bike_version=2))

    await harness.register(pending)

    (event,) = await harness.published()
    assert (event.price, event.bike_version) == (pending.price, 1)


async def test_reserve_seqs_are_drawn_in_the_order_of_registration(
    harness: ReservationHarness,
) -> None:
    first, second, third = [await harness.pending() for _ in range(3)]

    await harness.register(third)
    await harness.register(first, second)

    events = await harness.published()
    assert [event.reservation_id for event in events] == [
        one.reservation_id for one in (third, first, second)
    ]
    numbers = [event.reserve_seq for event in events]
    assert numbers == sorted(set(numbers))


async def test_a_cancelled_reservation_is_not_registered_and_nothing_is_published(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending()
    await harness.give_up(pending)
    before = await harness.published_types()

    results = await harness.register(pending)

    assert slugs(results) == ["payment-unavailable"]
    assert results[0].retry_after
    assert await harness.published_types() == before
    kept = await harness.reservation(pending.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert kept.reserve_seq is None


async def test_a_cancelled_reservation_does_not_stop_the_others_of_its_batch(
    harness: ReservationHarness,
) -> None:
    first, second, third = [await harness.pending(name) for name in ("a", "b", "c")]
    await harness.give_up(second)

    results = await harness.register(first, second, third)

    assert slugs(results) == ["taken", "payment-unavailable", "taken"]
    names = await harness.published_types()
    assert names == ["ReservationCancelled", "ReservationRegistered", "ReservationRegistered"]


async def test_a_pending_reservation_is_registered_once_by_concurrent_batches(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending("mine")

    apart = await asyncio.gather(harness.register(pending), harness.register(pending))
    together = await harness.register(pending, pending)

    results = [*apart[0], *apart[1], *together]
    assert slugs(results).count("taken") == 1
    assert await harness.published_types() == ["ReservationRegistered"]


async def test_a_pending_reservation_is_registered_once_within_a_batch(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending("mine")

    results = await harness.register(pending, pending)

    assert slugs(results) == ["taken", "payment-unavailable"]
    assert await harness.published_types() == ["ReservationRegistered"]


async def test_the_answer_is_stored_with_the_key(harness: ReservationHarness) -> None:
    pending = await harness.pending("mine")

    (receipt,) = await harness.register(pending)

    async with harness.db.read() as tx:
        (earlier,) = await idempotency.earlier_requests(tx, store.KEY, [a_key("mine")])
    assert isinstance(earlier, idempotency.EarlierRequest)
    assert earlier.result_id == pending.reservation_id
    assert earlier.response == receipt.answer
    assert timedelta() <= earlier.age < timedelta(seconds=60)


async def test_a_concurrent_register_and_give_up_publish_one_event(
    harness: ReservationHarness,
) -> None:
    pending = [await harness.pending() for _ in range(3)]

    await asyncio.gather(
        harness.register(*pending), *[harness.give_up(one) for one in reversed(pending)]
    )

    for one in pending:
        kept = await harness.reservation(one.reservation_id)
        names = [
            type(event).__name__
            for event in await harness.published()
            if event.reservation_id == one.reservation_id
        ]
        assert names == (["ReservationRegistered"] if kept.registered else ["ReservationCancelled"])


async def test_a_registered_reservation_is_unanswered_until_stock_answers(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve()
    assert (await harness.bike()).unanswered == 1

    await harness.consume(stock_answer(StockAllocated, made.reservation_id))

    bike = await harness.bike()
    assert (bike.free, bike.unanswered) == (2, 0)
