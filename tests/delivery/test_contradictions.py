"""No parcel is prepared for a payment that does not fit the reservation, in whatever order."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Final

import pytest

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery import domain, store
from roadbike.delivery.domain import Cause, Delivery
from roadbike.kit.messaging import refused
from roadbike.kit.messaging.parked import ParkedState, count
from roadbike.kit.pure.events import RefusedEvent
from tests.purchase_events import Story
from tests.service_harness import ServiceHarness

STORY: Final = Story()
TRUE: Final[list[Cause]] = [STORY.registered(), STORY.approved(), STORY.allocated()]
OTHERS: Final = {
    "price": replace(STORY, price=1),
    "user": replace(STORY, user_id="mallory"),
    "bike": replace(STORY, bike_id=2),
}


def after(causes: Sequence[Cause]) -> Delivery:
    delivery = Delivery(
        reservation_id=STORY.reservation_id,
        delivery_id=STORY.delivery_id,
        bike_id=causes[0].bike_id,
    )
    for cause in causes:
        delivery, _ = domain.decide(domain.noted(delivery, cause))
    return delivery


@pytest.mark.parametrize("differs", OTHERS)
def test_a_payment_that_does_not_fit_prepares_no_parcel_in_any_order(differs: str) -> None:
    registered, _, allocated = TRUE
    causes = [registered, OTHERS[differs].approved(), allocated]

    ends = {after(order) for order in permutations(causes)}

    assert len(ends) == 1
    (end,) = ends
    assert (end.delivery_status, end.bike_id, end.price) == (None, 1, 5_100_000)
    assert len(domain.contradictions(end)) == 1


def test_a_unit_of_another_bike_may_not_be_sent_in_any_order() -> None:
    registered, approved, _ = TRUE
    causes = [registered, approved, OTHERS["bike"].allocated()]

    ends = {after(order) for order in permutations(causes)}

    assert len(ends) == 1
    (end,) = ends
    assert (end.delivery_status, end.bike_id) == (DeliveryStatus.PREPARING, 1)
    assert DeliveryStatus.STARTED not in domain.next_moves(end)
    assert len(domain.contradictions(end)) == 1


@pytest.mark.parametrize("differs", OTHERS)
def test_the_true_payment_is_believed_after_one_that_does_not_fit(differs: str) -> None:
    registered, approved, _ = TRUE

    end = after([registered, OTHERS[differs].approved(), approved])

    assert end.delivery_status is DeliveryStatus.PREPARING
    assert domain.contradictions(end) == []


@pytest.mark.parametrize("order", [*permutations(TRUE)])
def test_what_fits_is_not_replaced_by_what_does_not(order: Sequence[Cause]) -> None:
    delivery = after(order)

    for wrong in (OTHERS["price"].approved(), OTHERS["bike"].allocated()):
        with pytest.raises(RefusedEvent):
            domain.noted(delivery, wrong)


@pytest.mark.parametrize("order", [*permutations(range(3))])
async def test_a_payment_over_another_price_is_reported_once(
    delivery: ServiceHarness, order: Sequence[int]
) -> None:
    causes = [STORY.registered(), OTHERS["price"].approved(), STORY.allocated()]

    for number in [*order, *order]:
        await delivery.consume(causes[number])

    assert await delivery.published() == []
    async with delivery.db.read() as tx:
        assert await refused.count(tx) == 1
        assert await count(tx, ParkedState.PARKED) == 0


async def test_a_wrong_payment_after_the_true_one_is_refused(delivery: ServiceHarness) -> None:
    await delivery.consume(STORY.registered(), STORY.approved())
    await delivery.consume(OTHERS["price"].approved(), STORY.allocated())

    assert await delivery.published_types() == ["DeliveryPrepared"]
    async with delivery.db.read() as tx:
        row = await store.DELIVERIES.get(tx, STORY.reservation_id)
        assert await refused.count(tx) == 1
    assert row is not None
    assert (row.paid_price, row.is_allocated) == (5_100_000, True)
