"""What a reservation may become, as plain calls."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from uuid import UUID

import pytest

from roadbike.contracts.events import (
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
    StockReleased,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.pure.refusals import NotFound
from roadbike.reservation import domain
from roadbike.reservation.domain import Cause, Reservation
from tests.purchase_events import Story
from tests.reservation.builders import EMONDA, PRICE, a_pending, a_reservation, stock_answer

STORY = Story(reservation_id=UUID(int=1))


def cancelled(reservation: Reservation, reason: Reason = Reason.BUYER) -> Reservation:
    return domain.decide(domain.to_cancel(reservation, reason))[0]


def after(reservation: Reservation, *causes: Cause) -> Reservation:
    """Return the reservation after each cause was noted and settled."""
    for cause in causes:
        reservation, _ = domain.decide(domain.noted(reservation, cause))
    return reservation


def test_a_pending_reservation_is_registered_once_its_payment_is_open() -> None:
    pending = a_pending()

    registered, events = domain.decide(domain.opened(pending, 7))

    assert registered.reservation_status is ReservationStatus.RESERVED
    assert registered.registered
    (event,) = events
    assert isinstance(event, ReservationRegistered)
    assert (event.reservation_id, event.reserve_seq) == (pending.reservation_id, 7)
    assert event.reservation_status is ReservationStatus.RESERVED


def test_nothing_follows_while_neither_payment_nor_cancel_is_known() -> None:
    pending = a_pending()

    assert domain.decide(pending) == (pending, [])


def test_a_reservation_is_not_registered_twice() -> None:
    registered, _ = domain.decide(domain.opened(a_pending(), 7))

    assert domain.decide(registered) == (registered, [])


def test_a_cancelled_pending_reservation_is_never_registered() -> None:
    given_up = cancelled(a_pending())

    decided, events = domain.decide(domain.opened(given_up, 8))

    assert decided.reservation_status is ReservationStatus.CANCELLED
    assert not decided.registered
    assert events == []


def test_a_reservation_is_not_cancelled_twice_and_keeps_the_first_reason() -> None:
    first = cancelled(a_reservation(), Reason.BUYER)

    assert domain.decide(domain.to_cancel(first, Reason.UNPAID)) == (first, [])
    assert first.reason is Reason.BUYER


def test_a_reason_to_cancel_goes_before_an_open_payment() -> None:
    both = domain.to_cancel(domain.opened(a_pending(), 7), Reason.UNANSWERED)

    decided, events = domain.decide(both)

    assert decided.reservation_status is ReservationStatus.CANCELLED
    assert [type(event) for event in events] == [ReservationCancelled]


@pytest.mark.parametrize(
    ("reservation", "registered"), [(a_reservation(), True), (a_pending(), False)]
)
def test_the_cancel_says_whether_the_reservation_was_registered(
    reservation: Reservation, *, registered: bool
) -> None:
    _, events = domain.decide(domain.to_cancel(reservation, Reason.NOT_OPENED))

    (event,) = events
    assert isinstance(event, ReservationCancelled)
    assert (event.registered, event.reason) == (registered, Reason.NOT_OPENED)
    assert event.reservation_status is ReservationStatus.CANCELLED


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Story.short, Reason.SOLD_OUT),
        (Story.payment_cancelled, Reason.PAYMENT_CANCELLED),
        (Story.expired, Reason.UNPAID),
        (Story.returned, Reason.RETURNED),
    ],
)
def test_an_event_that_ends_the_purchase_cancels_even_a_delivered_reservation(
    event: Callable[[Story], Cause], reason: Reason
) -> None:
    delivered = after(a_reservation(), STORY.started(), STORY.completed())

    ended = after(delivered, event(STORY))

    assert ended.reservation_status is ReservationStatus.CANCELLED
    assert ended.reason is reason


@pytest.mark.parametrize("event", [StockAllocated, StockReleased])
def test_other_answers_of_stock_cancel_nothing(event: type[StockAllocated | StockReleased]) -> None:
    reservation = a_reservation()

    assert after(reservation, stock_answer(event, reservation.reservation_id)) == reservation


def test_a_shipped_bike_is_not_cancelled_by_the_buyer() -> None:
    with pytest.raises(domain.AlreadyShipped):
        domain.check_cancellable(after(a_reservation(), STORY.started()))


def test_a_delivered_bike_is_not_cancelled_by_the_buyer_in_any_order_of_events() -> None:
    events: list[Cause] = [STORY.started(), STORY.completed()]

    for causes in permutations(events):
        with pytest.raises(domain.AlreadyDelivered):
            domain.check_cancellable(after(a_reservation(), *causes))


def test_an_event_that_is_noted_twice_changes_nothing_more() -> None:
    causes: list[Cause] = [
        *(STORY.short(), STORY.expired(), STORY.returned()),
        *(STORY.started(), STORY.completed()),
    ]
    once = after(a_reservation(), *causes)

    assert after(once, *causes) == once


def test_one_unit_is_taken_from_those_available() -> None:
    taken = domain.take_one(EMONDA, seen_price=None, overbook=0)

    assert (taken.free, taken.unanswered) == (3, 1)


def test_no_more_units_are_taken_than_are_free() -> None:
    bike = EMONDA
    for _ in range(EMONDA.free):
        bike = domain.take_one(bike, seen_price=None, overbook=0)

    with pytest.raises(domain.SoldOut):
        domain.take_one(bike, seen_price=None, overbook=0)


def test_overbooking_takes_that_many_units_more() -> None:
    bike = replace(EMONDA, free=0)
    for _ in range(2):
        bike = domain.take_one(bike, seen_price=None, overbook=2)

    with pytest.raises(domain.SoldOut):
        domain.take_one(bike, seen_price=None, overbook=2)


@pytest.mark.parametrize("bike", [None, domain.Bike(bike_id=1), replace(EMONDA, on_sale=False)])
def test_a_bike_that_is_not_on_sale_is_not_found(bike: domain.Bike | None) -> None:
    with pytest.raises(NotFound):
        domain.take_one(bike, seen_price=None, overbook=9)


def test_a_unit_is_taken_when_the_buyer_saw_the_current_price() -> None:
    assert domain.take_one(EMONDA, seen_price=PRICE, overbook=0).unanswered == 1


@pytest.mark.parametrize("seen", [PRICE - 1, PRICE + 1, 1])
def test_any_other_price_is_refused_with_the_current_one(seen: int) -> None:
    with pytest.raises(domain.PriceChanged) as refused:
        domain.take_one(EMONDA, seen_price=seen, overbook=0)

    assert refused.value.extra == {"price": PRICE}


def test_only_the_first_answer_counts_on_the_bike() -> None:
    bike = domain.take_one(EMONDA, seen_price=None, overbook=0)
    reservation = a_reservation()

    for _ in range(3):
        reservation, bike = domain.answered(reservation, bike)

    assert (reservation.answered, bike.unanswered) == (True, 0)
