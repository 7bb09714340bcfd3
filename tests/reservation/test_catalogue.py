"""The copy of the catalogue and its allowance: right whatever the order of what stock tells."""

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
from tests.reservation.things import EMONDA, a_reservation, answered, bike_told

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))

# What stock tells of one bike, in the order in which it came to pass.
TOLD: Final[Sequence[BikeEvent | AllocationEvent]] = [
    bike_told(bike_version=1, free=3, free_seq=1),
    answered(StockAllocated, FIRST, free=2, free_seq=2),
    answered(StockAllocated, SECOND, free=1, free_seq=3),
    bike_told(bike_version=2, price=5_200_000, free=1, free_seq=3),
    answered(StockReleased, FIRST, free=2, free_seq=4),
    answered(StockReleased, THIRD, free=2, free_seq=4),  # cancelled before its grant
    bike_told(bike_version=3, price=5_300_000, stock_quantity=12, free=11, free_seq=5),
    answered(StockReleased, SECOND, free=12, free_seq=6),
]


def heard(told: Sequence[BikeEvent | AllocationEvent]) -> Bike:
    """The copy after those events, with three reservations taken before."""
    bike = replace(EMONDA, bike_version=0, free=0, free_seq=0, unanswered=3)
    waiting: dict[UUID, Reservation] = {
        at: a_reservation(reservation_id=at) for at in (FIRST, SECOND, THIRD)
    }
    for event in told:
        if isinstance(event, BikeEvent):
            bike = domain.with_catalogue(bike, event)
        else:
            at = event.reservation_id
            waiting[at], bike = domain.answer(waiting[at], domain.with_free(bike, event))
    return bike


@given(st.permutations(TOLD))
def test_the_copy_is_the_same_in_whatever_order_it_is_told(
    told: list[BikeEvent | AllocationEvent],
) -> None:
    assert heard(told) == heard(TOLD)


@given(st.permutations([*TOLD, *TOLD]))
def test_the_copy_is_the_same_when_everything_is_told_twice(
    told: list[BikeEvent | AllocationEvent],
) -> None:
    assert heard(told) == heard(TOLD)


def test_the_copy_ends_with_what_was_told_last() -> None:
    bike = heard(TOLD)

    assert (bike.price, bike.free, bike.unanswered) == (5_300_000, 12, 0)


@given(st.permutations(TOLD), st.integers(0, len(TOLD)))
def test_a_reservation_is_unanswered_until_its_first_answer_whatever_its_number(
    told: list[BikeEvent | AllocationEvent], upto: int
) -> None:
    part = told[:upto]

    bike = heard(part)

    known = {event.reservation_id for event in part if isinstance(event, AllocationEvent)}
    assert bike.unanswered == 3 - len(known)


@given(st.permutations(TOLD), st.integers(0, len(TOLD)))
def test_the_copy_never_promises_more_than_stock_has_told(
    told: list[BikeEvent | AllocationEvent], upto: int
) -> None:
    bike = heard(told[:upto])

    numbers = [(event.free_seq, event.free) for event in told[:upto]]
    assert (bike.free_seq, bike.free) == max(numbers, default=(0, 0))


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
BACK: Final = StockRegistered(
    bike_id=1,
    bike_name="TREK Emonda SL",
    price=5_100_000,
    stock_quantity=3,
    held_quantity=0,
    bike_version=3,
    free=3,
    free_seq=1,
)


@given(st.permutations([bike_told(), REMOVED]))
def test_a_withdrawn_bike_is_not_on_sale(told: list[BikeEvent]) -> None:
    assert not heard(told).on_sale


@given(st.permutations([bike_told(), REMOVED, BACK]))
def test_a_bike_that_came_back_is_on_sale(told: list[BikeEvent]) -> None:
    bike = heard(told)

    assert (bike.on_sale, bike.bike_name) == (True, "TREK Emonda SL")
