"""What stock does with the events it consumes, on a real database."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from roadbike.contracts.events import StockAllocated, StockReleased, StockShort
from roadbike.contracts.reasons import Reason
from roadbike.kit.messaging.outbox import EVENT_VERSION
from roadbike.kit.pure.conditions import exactly
from roadbike.stock import store
from roadbike.stock.domain import State
from roadbike.stock.use_cases import edit_bike, withdraw_bike
from tests.purchase_events import Story

CONSUMED: Final = ("registered", "cancelled", "delivery_cancelled", "started", "returned")
EDITS: Final = ("restock", "reprice", "withdraw")


async def test_the_first_claims_are_served_and_the_rest_are_short(stock: Any) -> None:
    await stock.register(stock_quantity=2)
    purchases = [Story() for _ in range(3)]

    await stock.consume(purchases[0].registered())
    await stock.consume(purchases[1].registered(), purchases[2].registered())

    _, *answers = await stock.published()
    assert sorted(type(event).__name__ for event in answers) == [
        *("StockAllocated", "StockAllocated"),
        "StockShort",
    ]
    assert (await stock.bike()).held_quantity == 2
    assert [event.free for event in answers] == [1, 0, 0]
    assert [event.free_seq for event in answers] == [2, 3, 3]


async def test_a_claim_is_kept_with_its_place_in_the_queue(stock: Any) -> None:
    await stock.register()
    claim = msgspec.structs.replace(Story().registered(), reserve_seq=41)

    await stock.consume(claim)

    allocation = await stock.allocation(claim.reservation_id)
    assert (allocation.state, allocation.reserve_seq) == (State.HELD, 41)


async def test_a_claim_for_an_unknown_bike_is_short(stock: Any) -> None:
    claim = Story(bike_id=99)

    await stock.consume(claim.registered())

    (answer,) = await stock.published()
    assert isinstance(answer, StockShort)
    assert answer.reason is Reason.SOLD_OUT
    assert (await stock.allocation(claim.reservation_id)).state is State.SHORT


async def test_the_cancel_of_a_reservation_that_was_never_registered_leaves_no_row(
    stock: Any,
) -> None:
    await stock.register()
    story = Story()

    await stock.consume(story.cancelled(registered=False))

    assert await stock.published_types() == ["StockRegistered"]
    assert await stock.allocation(story.reservation_id) is None


async def test_a_cancel_that_overtakes_its_claim_is_answered(stock: Any) -> None:
    await stock.register()
    cancelled = Story()

    await stock.consume(cancelled.cancelled())
    await stock.consume(cancelled.registered())

    *_, answer = await stock.published()
    assert isinstance(answer, StockReleased)
    assert answer.reason is Reason.RESERVATION_CANCELLED
    assert (await stock.bike()).held_quantity == 0


async def test_a_unit_waits_for_its_delivery_to_be_closed(stock: Any) -> None:
    await stock.register()
    cancelled = Story()
    await stock.consume(cancelled.registered(), cancelled.cancelled())
    assert (await stock.bike()).held_quantity == 1

    await stock.consume(cancelled.delivery_cancelled())
    await stock.consume(cancelled.delivery_cancelled())

    assert (await stock.bike()).held_quantity == 0
    assert await stock.published_types() == ["StockRegistered", "StockAllocated", "StockReleased"]


async def test_a_unit_that_left_and_came_back_is_in_the_ledger(stock: Any) -> None:
    await stock.register(stock_quantity=2)
    journey = Story()

    await stock.consume(journey.registered())
    await stock.consume(journey.started())
    left = await stock.bike()
    await stock.consume(journey.returned())

    back = await stock.bike()
    assert (left.stock_quantity, left.held_quantity, left.version) == (1, 0, 2)
    assert (back.stock_quantity, back.held_quantity, back.version) == (2, 0, 3)
    assert await stock.ledger() == [("staff", 2), ("shipped", -1), ("returned", 1)]
    assert await stock.published_types() == [
        *("StockRegistered", "StockAllocated", "StockChanged"),
        *("StockReleased", "StockChanged"),
    ]


async def test_a_return_that_overtakes_its_start_writes_both(stock: Any) -> None:
    await stock.register(stock_quantity=1)
    journey = Story()
    await stock.consume(journey.registered())

    await stock.consume(journey.returned())
    await stock.consume(journey.started())

    assert await stock.ledger() == [("staff", 1), ("shipped", -1), ("returned", 1)]
    assert (await stock.bike()).stock_quantity == 1


async def test_repeats_change_nothing_even_without_the_inbox(stock: Any) -> None:
    await stock.register()
    journey, other = Story(), Story()
    history = [
        *(journey.registered(), journey.started(), journey.returned()),
        *(other.registered(), other.cancelled(), other.delivery_cancelled()),
    ]
    await stock.consume(*history)
    before = await stock.published(), await stock.bike(), await stock.ledger()

    for event in reversed(history):
        await stock.consume(event)

    assert (await stock.published(), await stock.bike(), await stock.ledger()) == before


async def test_a_withdrawn_bike_serves_the_claims_made_before(stock: Any) -> None:
    bike = await stock.register(stock_quantity=1)
    await stock.db.transact(lambda tx: withdraw_bike(tx, 1, exactly(bike.version), by="staff"))

    await stock.consume(Story().registered(), Story().registered())

    assert sorted((await stock.published_types())[2:]) == ["StockAllocated", "StockShort"]


async def test_a_claim_made_after_the_withdrawal_gets_no_unit_though_one_is_free(
    stock: Any,
) -> None:
    bike = await stock.register(stock_quantity=2)
    await stock.db.transact(lambda tx: withdraw_bike(tx, 1, exactly(bike.version), by="staff"))
    removed_at = (await stock.bike()).withdrawn_at
    late = Story(reserved_at=removed_at + timedelta(seconds=1))
    in_time = Story(reserved_at=removed_at + timedelta(seconds=0.9))

    await stock.consume(late.registered(), in_time.registered())

    answers = {event.reservation_id: type(event) for event in (await stock.published())[2:]}
    assert answers == {late.reservation_id: StockShort, in_time.reservation_id: StockAllocated}
    assert ((await stock.bike()).held_quantity, await stock.ledger()) == (1, [("staff", 2)])


async def test_batches_taken_at_once_grant_no_unit_twice(stock: Any) -> None:
    await stock.register(stock_quantity=50)
    claims = [Story().registered() for _ in range(200)]

    batches = [claims[start : start + 40] for start in range(0, 160, 20)]  # they overlap by half
    await asyncio.gather(*(stock.consume(*batch) for batch in [*batches, claims[160:]]))

    answers = [event for event in await stock.published() if event.kind == "allocation"]
    assert len({event.reservation_id for event in answers}) == len(answers) == 200
    assert sum(isinstance(event, StockAllocated) for event in answers) == 50
    assert (await stock.bike()).held_quantity == 50


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(data=st.data())
async def test_the_version_of_a_bike_is_that_of_its_last_event(
    stock: Any, data: st.DataObject
) -> None:
    number = await stock.db.transact(store.next_number)
    await stock.register(number, stock_quantity=2)
    purchases = [Story(bike_id=number) for _ in range(3)]
    steps = st.tuples(st.sampled_from(CONSUMED), st.sampled_from(purchases)) | st.sampled_from(
        EDITS
    )

    for step in data.draw(st.lists(steps, max_size=12)):
        await _take(stock, number, step)

    bike = await stock.bike(number)
    events = [e for e in await stock.published() if e.kind == "bike" and e.bike_id == number]
    assert [event.version for event in events] == [*range(1, bike.version + 1)]
    assert [event.bike_version for event in events] == [event.version for event in events]
    assert bike.version == await _counted(stock, number)
    assert bike.stock_quantity == sum(delta for _, delta in await stock.ledger(number))
    assert bike.held_quantity == await _held(stock, number)


async def _take(stock: Any, number: int, step: Any) -> None:
    bike = await stock.bike(number)
    match step:
        case "restock":
            more = {"stock_quantity": bike.stock_quantity + 1}
            await stock.db.transact(
                lambda tx: edit_bike(tx, number, exactly(bike.version), more, by="staff")
            )
        case "reprice":
            price = {"price": 4_900_000}  # the second time nothing changes
            await stock.db.transact(
                lambda tx: edit_bike(tx, number, exactly(bike.version), price, by="staff")
            )
        case "withdraw":
            await stock.db.transact(
                lambda tx: withdraw_bike(tx, number, exactly(bike.version), by="staff")
            )
        case (fact, one):
            await stock.consume(getattr(one, fact)())
        case _:
            raise AssertionError(step)


async def _counted(stock: Any, number: int) -> int:
    this = (EVENT_VERSION.c.kind == "bike") & (EVENT_VERSION.c.key == str(number))
    async with stock.db.read() as tx:
        return int(await tx.scalar(select(EVENT_VERSION.c.version).where(this)))


async def _held(stock: Any, number: int) -> int:
    allocation = store.ALLOCATION
    held = (allocation.c.bike_id == number) & (allocation.c.state == State.HELD)
    async with stock.db.read() as tx:
        return int(await tx.scalar(select(func.count()).where(held)))
