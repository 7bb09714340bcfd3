"""A key at the desk: replayed first, whatever is full or away; a crowd with one is one order."""

import asyncio
from collections.abc import Callable
from typing import Literal

import pytest

from roadbike.kit.idempotency import InProgress, KeyReused
from roadbike.kit.pure.refusals import Overloaded
from roadbike.reservation.domain import SoldOut
from roadbike.reservation.use_cases.reserve import Receipt
from tests.reservation import till as tills
from tests.reservation.desk import WholeDesk, end
from tests.reservation.things import an_order, bike_told

MakeDesk = Callable[..., WholeDesk]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """The SQL behind it is tried on both databases elsewhere."""
    return "postgresql"


async def test_a_finished_key_is_replayed_byte_for_byte_though_payment_is_away(
    desk: WholeDesk,
) -> None:
    first = await desk.reserve(an_order("mine"))
    desk.till.behaves = tills.falls_asleep

    again = await desk.reserve(an_order("mine"))

    assert again == first
    assert len(desk.till.asked) == 1


async def test_a_finished_key_is_replayed_though_the_breaker_is_open(desk: WholeDesk) -> None:
    first = await desk.reserve(an_order("mine"))
    await desk.break_()

    assert await desk.reserve(an_order("mine")) == first


async def test_a_finished_key_is_replayed_though_the_desk_is_full(make_desk: MakeDesk) -> None:
    desk = make_desk(in_flight=1)
    first = await desk.reserve(an_order("mine"))
    desk.till.behaves = tills.falls_asleep
    running = asyncio.create_task(desk.reserve(an_order()))
    await desk.till.until_asked(2)

    again = await desk.reserve(an_order("mine"))

    assert again == first
    await end(running)


async def test_a_key_of_another_request_is_refused(desk: WholeDesk) -> None:
    await desk.reserve(an_order("mine"))

    with pytest.raises(KeyReused):
        await desk.reserve(an_order("mine", asked="another bike"))


async def test_a_key_is_free_again_after_sold_out(desk: WholeDesk) -> None:
    await desk.counter.hear(bike_told(free=0, free_seq=2))
    with pytest.raises(SoldOut):
        await desk.reserve(an_order("mine"))
    await desk.counter.hear(bike_told(free=1, free_seq=3))

    receipt = await desk.reserve(an_order("mine", asked="another address"))

    assert receipt.answer


async def test_many_with_one_key_make_one_reservation(desk: WholeDesk) -> None:
    results = await asyncio.gather(
        *[desk.reserve(an_order("mine")) for _ in range(200)], return_exceptions=True
    )

    made = [result for result in results if isinstance(result, Receipt)]
    assert len(set(made)) == 1
    assert {type(result) for result in results} <= {Receipt, InProgress, Overloaded}
    assert await desk.counter.rows() == (1, 1)
    assert len(desk.till.asked) == 1


async def test_a_crowd_with_one_key_takes_one_place_and_no_more(make_desk: MakeDesk) -> None:
    desk = make_desk(in_flight=1)
    crowd = [desk.reserve(an_order("mine")) for _ in range(50)]
    stranger = desk.reserve(an_order("mine", asked="something else"))

    *results, other = await asyncio.gather(*crowd, stranger, return_exceptions=True)

    assert {type(result) for result in results} == {Receipt, InProgress}
    assert type(other) is KeyReused
