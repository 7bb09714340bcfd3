"""The reservation says which bike a purchase is of; an event that names another one is refused."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any, Final

import pytest

from roadbike.contracts.events import StockAllocated
from roadbike.kit.messaging import refused
from roadbike.kit.messaging.parked import ParkedState, count
from roadbike.kit.pure.events import Event, RefusedEvent
from roadbike.stock import domain
from roadbike.stock.domain import Allocation, Cause
from tests.purchase_events import Story

STORY: Final = Story()
OTHER: Final = replace(STORY, bike_id=2)
OF_DELIVERY: Final[dict[str, Cause]] = {
    "cancelled": OTHER.delivery_cancelled(),
    "started": OTHER.started(),
    "returned": OTHER.returned(),
}


@pytest.mark.parametrize("wrong", OF_DELIVERY)
@pytest.mark.parametrize("order", [*permutations(range(2))])
async def test_an_event_about_another_bike_neither_moves_a_unit_nor_goes_unreported(
    stock: Any, wrong: str, order: Sequence[int]
) -> None:
    await stock.register(1, stock_quantity=1)
    await stock.register(2, stock_quantity=1)
    causes: list[Event] = [STORY.registered(), OF_DELIVERY[wrong]]

    for number in order:
        await stock.consume(causes[number])

    *_, answer = await stock.published()
    assert isinstance(answer, StockAllocated)
    assert answer.bike_id == 1
    assert [(await stock.bike(number)).held_quantity for number in (1, 2)] == [1, 0]
    allocation = await stock.allocation(STORY.reservation_id)
    assert (allocation.closed, allocation.started, allocation.returned) == (False, False, False)
    async with stock.db.read() as tx:
        assert await refused.count(tx) == 1
        assert await count(tx, ParkedState.PARKED) == 0


def test_a_cancel_of_the_reservation_replaces_what_delivery_said_about_another_bike() -> None:
    said = domain.noted(Allocation(reservation_id=STORY.reservation_id, bike_id=2), OTHER.started())

    cancelled = domain.noted(said, STORY.cancelled())

    assert (cancelled.bike_id, cancelled.cancelled, cancelled.started) == (1, True, False)


def test_a_registration_of_another_bike_does_not_replace_the_first() -> None:
    new = Allocation(reservation_id=STORY.reservation_id, bike_id=1)
    registered = domain.noted(new, STORY.registered())

    with pytest.raises(RefusedEvent):
        domain.noted(registered, OTHER.registered())
