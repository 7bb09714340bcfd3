"""What follows from the facts, and from the edits of staff, as plain calls."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from roadbike.contracts.events import (
    StockAllocated,
    StockChanged,
    StockRegistered,
    StockReleased,
    StockRemoved,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import StockStatus
from roadbike.kit.pure.conditions import exactly
from roadbike.kit.pure.refusals import PreconditionFailed
from roadbike.stock import domain
from roadbike.stock.domain import (
    Allocation,
    BelowHeld,
    Bike,
    Cause,
    Decision,
    Movement,
    State,
    Why,
)
from tests.purchase_events import NOON, Story

NOW = datetime(2026, 11, 25, tzinfo=UTC)
EMONDA = Bike(bike_id=1, bike_name="TREK Emonda", price=5_100_000, stock_quantity=2)
RESERVATION = UUID(int=7)
STORY = Story(reservation_id=RESERVATION)
UNSEEN = Allocation(reservation_id=RESERVATION, bike_id=1)
CLAIM = replace(UNSEEN, registered=True, reserve_seq=1)
BIKE_WITH_ONE_HELD = replace(EMONDA, held_quantity=1, free_seq=2)
HELD = replace(CLAIM, state=State.HELD)
SHIPPED = replace(HELD, started=True, state=State.SHIPPED)


def only_event(decision: Decision) -> Any:
    (event,) = decision.events
    return event


@pytest.mark.parametrize(
    ("cause", "facts"),
    [
        (STORY.registered(), {"registered": True, "reserve_seq": 1, "reserved_at": NOON}),
        (STORY.cancelled(), {"cancelled": True}),
        (STORY.cancelled(registered=False), {}),
        (STORY.delivery_cancelled(), {"closed": True}),
        (STORY.started(), {"started": True}),
        (STORY.returned(), {"returned": True}),
    ],
)
def test_each_event_is_noted_as_its_fact(cause: Cause, facts: dict[str, Any]) -> None:
    assert domain.noted(UNSEEN, cause) == replace(UNSEEN, **facts)


def test_a_claim_is_answered_with_a_unit() -> None:
    decision = domain.decide(CLAIM, EMONDA)

    assert decision.allocation.state is State.HELD
    assert decision.bike == BIKE_WITH_ONE_HELD
    assert decision.movements == []
    event = only_event(decision)
    assert isinstance(event, StockAllocated)
    assert event.stock_status is StockStatus.ALLOCATED
    assert (event.free, event.free_seq, event.bike_version) == (1, 2, 1)


def test_a_claim_is_short_when_nothing_is_free() -> None:
    all_held = replace(EMONDA, held_quantity=2)

    decision = domain.decide(CLAIM, all_held)

    assert decision.allocation.state is State.SHORT
    assert decision.bike == all_held
    assert isinstance(only_event(decision), StockShort)
    assert only_event(decision).reason is Reason.SOLD_OUT


def test_a_claim_for_an_unknown_bike_is_short() -> None:
    decision = domain.decide(CLAIM, domain.unknown(1))

    assert decision.bike == domain.unknown(1)
    event = only_event(decision)
    assert isinstance(event, StockShort)
    assert (event.free, event.free_seq, event.bike_version) == (0, 0, 0)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [("cancelled", Reason.RESERVATION_CANCELLED), ("closed", Reason.NOT_SENT)],
)
def test_a_claim_that_was_cancelled_before_its_grant_is_released(fact: str, reason: Reason) -> None:
    known: dict[str, Any] = {fact: True}

    decision = domain.decide(replace(CLAIM, **known), EMONDA)

    assert decision.allocation.state is State.RELEASED
    assert decision.bike == EMONDA
    assert isinstance(only_event(decision), StockReleased)
    assert only_event(decision).reason is reason


def test_short_is_final() -> None:
    short = replace(CLAIM, state=State.SHORT, cancelled=True, closed=True)

    assert domain.decide(short, EMONDA) == Decision(allocation=short, bike=EMONDA)


def test_a_cancel_alone_frees_no_unit_that_is_held() -> None:
    cancelled = replace(HELD, cancelled=True)

    assert domain.decide(cancelled, BIKE_WITH_ONE_HELD) == Decision(
        allocation=cancelled, bike=BIKE_WITH_ONE_HELD
    )


def test_a_held_unit_is_freed_when_its_delivery_is_closed() -> None:
    decision = domain.decide(replace(HELD, closed=True), BIKE_WITH_ONE_HELD)

    assert decision.allocation.state is State.RELEASED
    assert decision.bike == replace(EMONDA, free_seq=3)
    assert decision.movements == []  # it never left
    assert isinstance(only_event(decision), StockReleased)
    assert (only_event(decision).free, only_event(decision).free_seq) == (2, 3)


def test_a_unit_is_not_freed_twice() -> None:
    once = domain.decide(replace(HELD, closed=True), BIKE_WITH_ONE_HELD)

    assert domain.decide(once.allocation, once.bike).events == []


def test_a_unit_that_leaves_is_in_the_ledger_and_no_longer_held() -> None:
    decision = domain.decide(replace(HELD, started=True), BIKE_WITH_ONE_HELD)

    assert decision.allocation.state is State.SHIPPED
    assert decision.bike == replace(EMONDA, stock_quantity=1, version=2, free_seq=2)
    assert decision.movements == [
        Movement(bike_id=1, delta=-1, why=Why.SHIPPED, reservation_id=RESERVATION)
    ]
    event = only_event(decision)
    assert isinstance(event, StockChanged)  # not StockReleased: nothing became free
    assert (event.stock_quantity, event.held_quantity, event.bike_version) == (1, 0, 2)


def test_a_unit_that_comes_back_is_on_sale_again() -> None:
    without_it = replace(EMONDA, stock_quantity=1, version=2, free_seq=2)

    decision = domain.decide(replace(SHIPPED, returned=True), without_it)

    assert decision.allocation.state is State.RETURNED
    assert decision.bike == replace(EMONDA, version=3, free_seq=3)
    assert decision.movements == [
        Movement(bike_id=1, delta=+1, why=Why.RETURNED, reservation_id=RESERVATION)
    ]
    released, changed = decision.events
    assert isinstance(released, StockReleased)
    assert (released.reason, released.free) == (Reason.RETURNED, 2)
    assert isinstance(changed, StockChanged)
    assert changed.bike_version == 3


def test_a_return_that_overtakes_its_start_writes_both_movements() -> None:
    decision = domain.decide(replace(HELD, returned=True), BIKE_WITH_ONE_HELD)

    assert decision.allocation.state is State.RETURNED
    assert [movement.delta for movement in decision.movements] == [-1, +1]
    assert decision.bike == replace(EMONDA, version=3, free_seq=3)
    kinds = [type(event) for event in decision.events]
    assert kinds == [StockChanged, StockReleased, StockChanged]


@pytest.mark.parametrize(
    ("after_seconds", "state"),
    [(-60, State.HELD), (0, State.HELD), (0.999, State.HELD), (1, State.SHORT), (60, State.SHORT)],
)
def test_a_withdrawn_bike_is_given_to_the_claims_made_before(
    after_seconds: float, state: State
) -> None:
    removed = domain.withdrawn(EMONDA, NOW)
    claim = replace(CLAIM, reserved_at=NOW + timedelta(seconds=after_seconds))

    decision = domain.decide(claim, removed)

    assert decision.allocation.state is state
    assert decision.bike.free == EMONDA.free - (state is State.HELD)


def test_a_bike_withdrawn_at_an_unknown_time_is_given_to_nobody() -> None:
    decision = domain.decide(replace(CLAIM, reserved_at=NOW), replace(EMONDA, withdrawn=True))

    assert decision.allocation.state is State.SHORT


@pytest.mark.parametrize("fact", ["started", "returned"])
def test_the_events_of_a_withdrawn_bike_say_that_it_is_withdrawn(fact: str) -> None:
    known: dict[str, Any] = {fact: True}

    decision = domain.decide(replace(HELD, **known), replace(BIKE_WITH_ONE_HELD, withdrawn=True))

    events = {type(event) for event in decision.events}
    assert events == {StockRemoved} | ({StockReleased} if fact == "returned" else set())


def test_an_edit_is_a_new_version() -> None:
    after = domain.edited(BIKE_WITH_ONE_HELD, {"price": 4_900_000}, NOW)

    assert after == replace(BIKE_WITH_ONE_HELD, price=4_900_000, version=2)
    assert isinstance(domain.bike_event(BIKE_WITH_ONE_HELD, after), StockChanged)
    assert domain.staff_movements(BIKE_WITH_ONE_HELD, after) == []


def test_more_units_are_in_the_ledger_and_free() -> None:
    after = domain.edited(EMONDA, {"stock_quantity": 7}, NOW)

    assert (after.free, after.free_seq, after.version) == (7, 2, 2)
    assert domain.staff_movements(EMONDA, after) == [Movement(bike_id=1, delta=5, why=Why.STAFF)]


def test_an_edit_that_changes_nothing_keeps_the_version() -> None:
    assert domain.edited(EMONDA, {"price": EMONDA.price}, NOW, on_sale=True) == EMONDA


def test_a_bike_is_withdrawn_once() -> None:
    removed = domain.withdrawn(EMONDA, NOW)

    assert isinstance(domain.bike_event(EMONDA, removed), StockRemoved)
    assert domain.withdrawn(removed, NOW + timedelta(hours=1)) == removed


def test_an_edit_leaves_a_withdrawn_bike_off_sale() -> None:
    removed = domain.withdrawn(EMONDA, NOW)

    edited = domain.edited(removed, {"price": 1}, NOW)

    assert edited == replace(removed, price=1, version=3)
    assert isinstance(domain.bike_event(removed, edited), StockRemoved)
    assert domain.edited(removed, {}, NOW) == removed


def test_a_withdrawn_bike_is_put_back_on_sale_in_one_version() -> None:
    removed = domain.withdrawn(EMONDA, NOW)

    back = domain.edited(removed, {"price": 1}, NOW, on_sale=True)

    assert back == replace(EMONDA, price=1, version=3)
    assert isinstance(domain.bike_event(removed, back), StockRegistered)


def test_a_refused_edit_is_outdated_or_below_what_is_held() -> None:
    assert isinstance(domain.refused_edit(EMONDA, exactly(0)), PreconditionFailed)
    below = domain.refused_edit(BIKE_WITH_ONE_HELD, exactly(1))
    assert isinstance(below, BelowHeld)
    assert below.facts == {"held": 1}
