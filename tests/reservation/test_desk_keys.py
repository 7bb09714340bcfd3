"""Idempotency keys at the desk: a finished one is replayed before anything else is checked."""

import asyncio
from collections.abc import Callable
from typing import Literal

import pytest

from roadbike.kit.idempotency import InProgress, KeyReused
from roadbike.kit.pure.refusals import Overloaded
from roadbike.reservation.domain import SoldOut
from roadbike.reservation.use_cases.steps import Receipt
from tests.reservation import fake_payment
from tests.reservation.builders import a_request, bike_changed
from tests.reservation.desk_harness import DeskHarness, hang_up

MakeDesk = Callable[..., DeskHarness]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the same SQL on both databases."""
    return "postgresql"


async def test_a_finished_key_is_replayed_byte_for_byte_while_payment_does_not_answer(
    desk: DeskHarness,
) -> None:
    first = await desk.reserve(a_request("mine"))
    desk.payment.behaviour = fake_payment.never_answers

    again = await desk.reserve(a_request("mine"))

    assert again == first
    assert len(desk.payment.asked) == 1


async def test_a_finished_key_is_replayed_while_the_breaker_is_open(desk: DeskHarness) -> None:
    first = await desk.reserve(a_request("mine"))
    await desk.open_breaker()

    assert await desk.reserve(a_request("mine")) == first


async def test_a_finished_key_is_replayed_while_the_limiter_is_full(make_desk: MakeDesk) -> None:
    desk = make_desk(in_flight=1)
    first = await desk.reserve(a_request("mine"))
    desk.payment.behaviour = fake_payment.never_answers
    running = asyncio.create_task(desk.reserve(a_request()))
    await desk.payment.until_asked(2)

    again = await desk.reserve(a_request("mine"))

    assert again == first
    await hang_up(running)


async def test_a_key_that_was_used_for_another_request_is_refused(desk: DeskHarness) -> None:
    await desk.reserve(a_request("mine"))

    with pytest.raises(KeyReused):
        await desk.reserve(a_request("mine", fingerprint="another bike"))


async def test_a_key_may_be_used_for_another_request_after_sold_out(desk: DeskHarness) -> None:
    await desk.harness.consume(bike_changed(free=0, free_seq=2))
    with pytest.raises(SoldOut):
        await desk.reserve(a_request("mine"))
    await desk.harness.consume(bike_changed(free=1, free_seq=3))

    receipt = await desk.reserve(a_request("mine", fingerprint="another address"))

    assert receipt.answer


async def test_many_requests_with_one_key_make_one_reservation(desk: DeskHarness) -> None:
    results = await asyncio.gather(
        *[desk.reserve(a_request("mine")) for _ in range(200)], return_exceptions=True
    )

    made = [result for result in results if isinstance(result, Receipt)]
    assert len(set(made)) == 1
    assert {type(result) for result in results} <= {Receipt, InProgress, Overloaded}
    assert await desk.harness.count_rows() == (1, 1)
    assert len(desk.payment.asked) == 1


async def test_a_crowd_with_one_key_takes_one_place_of_the_limiter(make_desk: MakeDesk) -> None:
    desk = make_desk(in_flight=1)
    crowd = [desk.reserve(a_request("mine")) for _ in range(50)]
    stranger = desk.reserve(a_request("mine", fingerprint="something else"))

    *results, other = await asyncio.gather(*crowd, stranger, return_exceptions=True)

    assert {type(result) for result in results} == {Receipt, InProgress}
    assert type(other) is KeyReused
