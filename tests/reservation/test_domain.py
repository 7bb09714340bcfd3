"""What may become of a reservation, as plain calls."""

from dataclasses import replace

import pytest

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.pure.lifecycle import IllegalTransition
from roadbike.kit.pure.refusals import NotFound, Refusal
from roadbike.reservation import domain
from tests.reservation.things import EMONDA, PRICE, a_reservation, an_intent

EVERY_ARROW = [(a, b) for a in ReservationStatus for b in ReservationStatus]
ALLOWED = {
    (ReservationStatus.PENDING, ReservationStatus.RESERVED),
    (ReservationStatus.PENDING, ReservationStatus.CANCELLED),
    (ReservationStatus.RESERVED, ReservationStatus.CANCELLED),
}


@pytest.mark.parametrize(("from_", "to"), EVERY_ARROW)
def test_a_reservation_goes_only_where_the_table_says(
    from_: ReservationStatus, to: ReservationStatus
) -> None:
    assert domain.LIFECYCLE.allows(from_, to) == ((from_, to) in ALLOWED)


def test_an_intent_whose_payment_is_open_becomes_a_reservation() -> None:
    intent = an_intent()

    registered, event = domain.register(intent, 7)

    assert registered.reservation_status is ReservationStatus.RESERVED
    assert registered.registered
    assert (event.reservation_id, event.reserve_seq) == (intent.reservation_id, 7)
    assert event.reservation_status is ReservationStatus.RESERVED


def test_a_reservation_is_not_registered_twice() -> None:
    with pytest.raises(IllegalTransition):
        domain.register(a_reservation(), 8)


def test_a_cancelled_intent_is_never_registered() -> None:
    cancelled, _ = domain.cancel(an_intent(), Reason.UNANSWERED)

    with pytest.raises(IllegalTransition):
        domain.register(cancelled, 8)


def test_a_reservation_is_not_cancelled_twice() -> None:
    cancelled, _ = domain.cancel(a_reservation(), Reason.BUYER)

    with pytest.raises(IllegalTransition):
        domain.cancel(cancelled, Reason.BUYER)


def test_the_cancel_of_a_reservation_says_that_it_was_one() -> None:
    _, event = domain.cancel(a_reservation(), Reason.BUYER)

    assert (event.registered, event.reason) == (True, Reason.BUYER)
    assert event.reservation_status is ReservationStatus.CANCELLED


def test_the_cancel_of_an_intent_says_that_it_never_was_a_reservation() -> None:
    _, event = domain.cancel(an_intent(), Reason.NOT_OPENED)

    assert (event.registered, event.reason) == (False, Reason.NOT_OPENED)


def test_a_bike_on_its_way_is_not_cancelled_by_the_buyer() -> None:
    with pytest.raises(domain.AlreadyShipped):
        domain.check_cancellable(domain.shipped(a_reservation()))


def test_a_bike_that_arrived_is_not_cancelled_by_the_buyer() -> None:
    with pytest.raises(domain.AlreadyDelivered):
        domain.check_cancellable(domain.delivered(a_reservation()))


def test_a_delivery_that_is_heard_to_start_after_it_arrived_has_arrived() -> None:
    reservation = domain.shipped(domain.delivered(a_reservation()))

    with pytest.raises(domain.AlreadyDelivered):
        domain.check_cancellable(reservation)


def test_one_is_taken_from_the_allowance() -> None:
    taken = domain.take_one(EMONDA, seen_price=None, overbook=0)

    assert (taken.free, taken.unanswered) == (3, 1)


def test_as_many_are_taken_as_are_free_and_not_one_more() -> None:
    bike = EMONDA
    for _ in range(EMONDA.free):
        bike = domain.take_one(bike, seen_price=None, overbook=0)

    with pytest.raises(domain.SoldOut):
        domain.take_one(bike, seen_price=None, overbook=0)


def test_overbooking_sells_so_many_more() -> None:
    bike = replace(EMONDA, free=0)
    for _ in range(2):
        bike = domain.take_one(bike, seen_price=None, overbook=2)

    with pytest.raises(domain.SoldOut):
        domain.take_one(bike, seen_price=None, overbook=2)


@pytest.mark.parametrize("bike", [None, domain.Bike(bike_id=1), replace(EMONDA, on_sale=False)])
def test_a_bike_that_is_not_on_sale_is_not_found(bike: domain.Bike | None) -> None:
    with pytest.raises(NotFound):
        domain.take_one(bike, seen_price=None, overbook=9)


def test_the_price_that_the_buyer_saw_is_the_price() -> None:
    assert domain.take_one(EMONDA, seen_price=PRICE, overbook=0).unanswered == 1


@pytest.mark.parametrize("seen", [PRICE - 1, PRICE + 1, 1])
def test_another_price_than_todays_is_refused_with_todays(seen: int) -> None:
    with pytest.raises(domain.PriceChanged) as refused:
        domain.take_one(EMONDA, seen_price=seen, overbook=0)

    assert refused.value.extra == {"price": PRICE}


def test_an_answer_gives_the_place_in_the_allowance_back_once() -> None:
    bike = domain.take_one(EMONDA, seen_price=None, overbook=0)
    reservation = a_reservation()

    for _ in range(3):
        reservation, bike = domain.answer(reservation, bike)

    assert (reservation.answered, bike.unanswered) == (True, 0)


def test_every_refusal_is_a_conflict() -> None:
    mine: list[type[Refusal]] = [
        *(domain.SoldOut, domain.PriceChanged),
        *(domain.AlreadyShipped, domain.AlreadyDelivered),
    ]

    assert {refusal.status for refusal in mine} == {409}
