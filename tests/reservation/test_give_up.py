"""Pending reservations that are not registered: given up, or cancelled by the resolver."""

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
from roadbike.reservation import store
from tests.purchase_events import Story
from tests.reservation.builders import a_request, bike_changed, stock_answer
from tests.reservation.service_harness import ReservationHarness, slugs


async def test_a_pending_reservation_is_cancelled_and_returns_its_unit_and_its_key(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending("mine")

    await harness.give_up(pending)

    kept = await harness.reservation(pending.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert (kept.registered, kept.reason) == (False, Reason.NOT_OPENED)
    assert (await harness.bike()).unanswered == 0
    assert await harness.count_rows() == (1, 0)
    (event,) = await harness.published()
    assert isinstance(event, ReservationCancelled)
    assert (event.registered, event.reason) == (False, Reason.NOT_OPENED)


async def test_giving_up_twice_changes_nothing(harness: ReservationHarness) -> None:
    pending = await harness.pending("mine")
    await harness.give_up(pending)
    before = await harness.state()

    await harness.give_up(pending)
    await harness.give_up(pending, pending)

    assert await harness.state() == before
    assert await harness.published_types() == ["ReservationCancelled"]


async def test_giving_up_concurrently_returns_each_unit_once(harness: ReservationHarness) -> None:
    pending = [await harness.pending() for _ in range(3)]

    await asyncio.gather(*[harness.give_up(*pending) for _ in range(4)])

    assert (await harness.bike()).unanswered == 0
    assert await harness.published_types() == ["ReservationCancelled"] * 3


@pytest.mark.parametrize("event", [StockReleased, StockShort, StockAllocated])
async def test_an_answer_after_giving_up_returns_no_second_unit(
    harness: ReservationHarness, event: type[StockReleased]
) -> None:
    pending = await harness.pending()
    await harness.pending()
    await harness.give_up(pending)

    await harness.consume(stock_answer(event, pending.reservation_id))
    await harness.consume(stock_answer(event, pending.reservation_id, free_seq=3))

    assert (await harness.bike()).unanswered == 1
    assert await harness.published_types() == ["ReservationCancelled"]


async def test_giving_up_after_an_answer_returns_no_second_unit(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending()
    await harness.pending()
    await harness.consume(stock_answer(StockReleased, pending.reservation_id))

    await harness.give_up(pending)

    assert (await harness.bike()).unanswered == 1


@pytest.mark.parametrize("cause", ["payment_cancelled", "expired"])
async def test_a_pending_reservation_that_an_event_cancels_returns_its_unit_and_its_key_too(
    harness: ReservationHarness, cause: str
) -> None:
    pending = await harness.pending("mine")
    event: PaymentCancelled | PaymentExpired = getattr(
        Story(reservation_id=pending.reservation_id, user_id=pending.user_id), cause
    )()

    await harness.consume(event)

    assert (await harness.bike()).unanswered == 0
    assert await harness.count_rows() == (1, 0)
    (published,) = await harness.published()
    assert not published.registered


async def test_a_pending_reservation_that_stock_has_no_unit_for_returns_its_key_too(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending("mine")

    await harness.consume(stock_answer(StockShort, pending.reservation_id))

    assert (await harness.bike()).unanswered == 0
    assert await harness.count_rows() == (1, 0)


async def test_the_resolver_cancels_what_was_not_completed_within_five_seconds(
    harness: ReservationHarness,
) -> None:
    old = await harness.pending("old")
    await harness.age(seconds=5.5)
    young = await harness.pending("young")

    await harness.run_timed("resolve_pending")

    kept = await harness.reservation(old.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert kept.reason is Reason.UNANSWERED
    still = await harness.reservation(young.reservation_id)
    assert still.reservation_status is ReservationStatus.PENDING
    assert (await harness.bike()).unanswered == 1
    assert await harness.count_rows() == (2, 1)


async def test_the_resolver_leaves_a_pending_reservation_of_four_seconds_alone(
    harness: ReservationHarness,
) -> None:
    pending = await harness.pending()
    await harness.age(seconds=4)

    await harness.run_timed("resolve_pending")

    kept = await harness.reservation(pending.reservation_id)
    assert kept.reservation_status is ReservationStatus.PENDING


async def test_the_resolver_leaves_registered_reservations_alone(
    harness: ReservationHarness,
) -> None:
    made = await harness.reserve("mine")
    await harness.age(hours=2)
    before = await harness.state()

    await harness.run_timed("resolve_pending")

    assert await harness.state() == before
    assert (await harness.reservation(made.reservation_id)).registered


async def test_concurrent_resolvers_cancel_each_reservation_once(
    harness: ReservationHarness,
) -> None:
    for _ in range(3):
        await harness.pending()
    await harness.age(seconds=6)

    await asyncio.gather(*[harness.run_timed("resolve_pending") for _ in range(3)])

    assert await harness.published_types() == ["ReservationCancelled"] * 3
    assert (await harness.bike()).unanswered == 0


async def test_pending_reservations_of_many_bikes_are_resolved_together(
    harness: ReservationHarness,
) -> None:
    await harness.consume(bike_changed(bike_id=2), bike_changed(bike_id=3))
    requests = [a_request(str(number), bike_id=1 + number % 3) for number in range(9)]
    assert slugs(await harness.take_pending(*requests)) == ["taken"] * 9
    await harness.age(minutes=1)

    await harness.run_timed("resolve_pending")

    assert [(await harness.bike(bike_id)).unanswered for bike_id in (1, 2, 3)] == [0, 0, 0]
    assert await harness.count_rows() == (9, 0)


async def test_a_key_may_be_used_for_another_request_after_the_resolver(
    harness: ReservationHarness,
) -> None:
    await harness.pending("mine")
    await harness.age(seconds=6)
    await harness.run_timed("resolve_pending")

    results = await harness.take_pending(a_request("mine", fingerprint="something else"))

    assert slugs(results) == ["taken"]


async def test_pending_reservations_are_counted_until_they_are_resolved(
    harness: ReservationHarness,
) -> None:
    await harness.pending()
    await harness.reserve()
    count = harness.service.gauges["pending"]

    async with harness.db.read() as tx:
        before = await count(tx)
    await harness.age(seconds=6)
    await harness.run_timed("resolve_pending")

    assert before == 1
    async with harness.db.read() as tx:
        assert await count(tx) == 0


async def test_old_keys_are_deleted_and_reservations_are_not(
    harness: ReservationHarness,
) -> None:
    await harness.consume(bike_changed(free=100, free_seq=2))
    pending = await harness.take_pending(*[a_request(f"old {number}") for number in range(30)])
    await harness.register(*pending)
    await harness.age(hours=49, minutes=1)
    await harness.reserve("young")

    await harness.run_timed("delete_old_keys")

    assert await harness.count_rows() == (31, 1)


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize("locked", ["the reservation", "its bike"])
async def test_the_resolver_leaves_what_another_replica_has_locked_and_cancels_the_others(
    harness: ReservationHarness, locked: str
) -> None:
    await harness.consume(bike_changed(bike_id=2))
    mine, other = await harness.pending(), await harness.pending(bike_id=2)
    await harness.age(seconds=6)

    async with harness.db.background.begin() as hung:
        if locked == "its bike":
            await store.lock_bikes(hung, [other.bike_id])
        else:
            await store.lock_reservations(hung, [other.reservation_id])
        await harness.run_timed("resolve_pending")
        states = [
            (await harness.reservation(one.reservation_id)).reservation_status
            for one in (mine, other)
        ]
    await harness.run_timed("resolve_pending")

    assert states == [ReservationStatus.CANCELLED, ReservationStatus.PENDING]
    assert await harness.published_types() == ["ReservationCancelled"] * 2


async def test_a_clock_that_is_set_forward_by_a_day_deletes_no_key_of_the_day_before(
    harness: ReservationHarness,
) -> None:
    await harness.consume(bike_changed(free=100, free_seq=2))
    await harness.reserve("mine")
    await harness.age(hours=24 + 23)  # 23 hours ago, and the clock was set

    await harness.run_timed("delete_old_keys")

    assert await harness.count_rows() == (1, 1)


@pytest.mark.parametrize("hours", [1, 24])
async def test_a_pending_reservation_of_before_the_clock_was_set_back_is_cancelled(
    harness: ReservationHarness, hours: int
) -> None:
    await harness.consume(bike_changed(free=1, free_seq=2))
    await harness.take_pending(a_request("mine"))
    await harness.age(hours=-hours)

    await harness.run_timed("resolve_pending")

    assert await harness.count_rows() == (1, 0)
    assert await harness.reserve("again")
