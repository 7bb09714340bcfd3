"""The copy of the catalogue: the same whatever the order of stock's events."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from roadbike.contracts.events import (
    AllocationEvent,
    BikeEvent,
    StockAllocated,
    StockRegistered,
    StockReleased,
    StockRemoved,
)
from roadbike.reservation import domain
from roadbike.reservation.domain import Bike, Reservation
from tests.reservation.builders import EMONDA, a_reservation, bike_changed, stock_answer

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))

# The events of one bike, in the order in which stock published them.
EVENTS: Final[Sequence[BikeEvent | AllocationEvent]] = [
    bike_changed(bike_version=1, free=3, free_seq=1),
    stock_answer(StockAllocated, FIRST, free=2, free_seq=2),
    stock_answer(StockAllocated, SECOND, free=1, free_seq=3),
    bike_changed(bike_version=2, price=5_200_000, free=1, free_seq=3),
    stock_answer(StockReleased, FIRST, free=2, free_seq=4),
    stock_answer(StockReleased, THIRD, free=2, free_seq=4),  # cancelled before its grant
    bike_changed(bike_version=3, price=5_300_000, stock_quantity=12, free=11, free_seq=5),
    stock_answer(StockReleased, SECOND, free=12, free_seq=6),
]


def copy_after(events: Sequence[BikeEvent | AllocationEvent]) -> Bike:
    """Return the copy after those events, which began with three unanswered reservations."""
    bike = replace(EMONDA, bike_version=0, free=0, free_seq=0, unanswered=3)
    reservations: dict[UUID, Reservation] = {
        id_: a_reservation(reservation_id=id_) for id_ in (FIRST, SECOND, THIRD)
    }
    for event in events:
        if isinstance(event, BikeEvent):
            bike = domain.with_catalogue(bike, event)
        else:
            id_ = event.reservation_id
            reservations[id_], bike = domain.answered(
                reservations[id_], domain.with_free(bike, event)
            )
    return bike


@given(st.permutations(EVENTS))
def test_the_copy_is_the_same_in_any_order_of_events(
    events: list[BikeEvent | AllocationEvent],
) -> None:
    assert copy_after(events) == copy_after(EVENTS)


@given(st.permutations([*EVENTS, *EVENTS]))
def test_the_copy_is_the_same_when_all_events_are_repeated(
    events: list[BikeEvent | AllocationEvent],
) -> None:
    assert copy_after(events) == copy_after(EVENTS)


def test_the_copy_ends_with_the_newest_price_and_free_units() -> None:
    bike = copy_after(EVENTS)

    assert (bike.price, bike.free, bike.unanswered) == (5_300_000, 12, 0)


@given(st.permutations(EVENTS), st.integers(0, len(EVENTS)))
def test_a_reservation_is_unanswered_until_its_first_answer_whatever_the_free_seq(
    events: list[BikeEvent | AllocationEvent], count: int
) -> None:
    part = events[:count]

    bike = copy_after(part)

    known = {event.reservation_id for event in part if isinstance(event, AllocationEvent)}
    assert bike.unanswered == 3 - len(known)


@given(st.permutations(EVENTS), st.integers(0, len(EVENTS)))
def test_the_free_units_are_those_of_the_greatest_free_seq(
    events: list[BikeEvent | AllocationEvent], count: int
) -> None:
    bike = copy_after(events[:count])

    free_units = [(event.free_seq, event.free) for event in events[:count]]
    assert (bike.free_seq, bike.free) == max(free_units, default=(0, 0))


REMOVED: Final = StockRemoved(
    bike_id=1,
    bike_name="TREK Emonda",
    price=5_100_000,
    stock_quantity=3,
    held_quantity=0,
    bike_version=2,
    free=3,
    free_seq=1,
)
REGISTERED_AGAIN: Final = StockRegistered(
    bike_id=1,
    bike_name="TREK Emonda SL",
    price=5_100_000,
    stock_quantity=3,
    held_quantity=0,
    bike_version=3,
    free=3,
    free_seq=1,
)


@given(st.permutations([bike_changed(), REMOVED]))
def test_a_withdrawn_bike_is_not_on_sale(events: list[BikeEvent]) -> None:
    assert not copy_after(events).on_sale


@given(st.permutations([bike_changed(), REMOVED, REGISTERED_AGAIN]))
def test_a_bike_that_was_registered_again_is_on_sale(events: list[BikeEvent]) -> None:
    bike = copy_after(events)

    assert (bike.on_sale, bike.bike_name) == (True, "TREK Emonda SL")
