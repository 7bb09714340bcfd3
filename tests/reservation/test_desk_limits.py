"""Requests that the desk refuses: too little time, too many requests, an open breaker."""

import asyncio
from collections.abc import Callable
from typing import Literal

import pytest

from roadbike.kit.pure.refusals import Overloaded
from roadbike.kit.resilience.breaker import FAILED_IN_A_ROW, FEWEST_CALLS, PROBES, OpenCircuit
from roadbike.kit.resilience.deadline import Deadline
from roadbike.reservation.domain import Reservation, SoldOut
from roadbike.reservation.payment_errors import NotSent
from roadbike.reservation.payments import DEADLINE_MS, FULL_MS, MIN_MS
from roadbike.reservation.use_cases import desk as reserving
from roadbike.reservation.use_cases.steps import PaymentUnavailable
from tests.reservation import fake_payment
from tests.reservation.builders import a_request, bike_changed
from tests.reservation.desk_harness import DeskHarness, hang_up
from tests.reservation.fake_payment import Asked

MakeDesk = Callable[..., DeskHarness]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the same SQL on both databases."""
    return "postgresql"


async def test_with_too_little_time_left_nothing_is_written_and_nothing_sent(
    desk: DeskHarness,
) -> None:
    with pytest.raises(PaymentUnavailable):
        await desk.reserve(a_request("mine"), ms=90)

    assert desk.payment.asked == []
    assert await desk.harness.count_rows() == (0, 0)


class TooLate:
    """A payment client that never has enough time left to send."""

    async def open(self, _reservation: Reservation, _deadline: Deadline) -> None:
        raise NotSent


async def test_a_call_that_was_not_sent_gives_up_and_leaves_the_breaker_as_it_is(
    desk: DeskHarness,
) -> None:
    await desk.open_breaker()
    rows, _ = await desk.harness.count_rows()
    desk.clock.now += 7  # half open: three answers would close it
    desk.desk.payments = TooLate()

    for _ in range(3):
        with pytest.raises(PaymentUnavailable):
            await desk.reserve(a_request("mine"))

    assert desk.breaker == "half_open"
    assert await desk.harness.count_rows() == (rows + 3, 0)


async def test_a_payment_that_does_not_answer_fails_the_request_at_its_deadline(
    desk: DeskHarness,
) -> None:
    desk.payment.behaviour = fake_payment.never_answers
    loop = asyncio.get_running_loop()
    start = loop.time()

    with pytest.raises(PaymentUnavailable):
        await desk.reserve(a_request())

    assert loop.time() - start < 1.2  # 0.61 on an idle machine


@pytest.mark.parametrize("ms", [MIN_MS + 100, DEADLINE_MS])
async def test_a_payment_that_hangs_opens_the_breaker_however_late_the_requests_come_to_it(
    desk: DeskHarness, ms: int
) -> None:
    await desk.harness.consume(bike_changed(free=50 * FEWEST_CALLS, free_seq=2))
    desk.payment.behaviour = fake_payment.never_answers

    async with asyncio.timeout(30):
        while desk.breaker == "closed":
            crowd = [desk.reserve(a_request(), ms=ms) for _ in range(5)]
            await asyncio.gather(*crowd, return_exceptions=True)


async def test_a_payment_that_answers_when_its_buyers_have_left_leaves_the_breaker_closed(
    desk: DeskHarness,
) -> None:
    await desk.harness.consume(bike_changed(free=50 * FEWEST_CALLS, free_seq=2))

    while len(desk.payment.calls) <= FAILED_IN_A_ROW:  # on a busy machine some crowds are late
        have_left = asyncio.Event()
        desk.payment.behaviour = fake_payment.opens_after(have_left)
        crowd = [desk.reserve(a_request(), ms=MIN_MS + 50) for _ in range(FEWEST_CALLS)]
        results = await asyncio.gather(*crowd, return_exceptions=True)
        have_left.set()
        await desk.until_calls_end()
        assert {type(result) for result in results} == {PaymentUnavailable}

    assert desk.breaker == "closed"


async def test_the_time_of_our_own_steps_is_not_payments(desk: DeskHarness) -> None:
    await desk.harness.consume(bike_changed(free=10 * FEWEST_CALLS, free_seq=2))

    def takes_long(_step: str) -> None:
        desk.clock.now += DEADLINE_MS / 1000

    desk.desk.crash = takes_long  # called after each step
    for _ in range(FEWEST_CALLS + 5):
        await desk.reserve(a_request())

    assert desk.breaker == "closed"


async def test_the_time_of_payment_opens_the_breaker(desk: DeskHarness) -> None:
    await desk.harness.consume(bike_changed(free=10 * FEWEST_CALLS, free_seq=2))

    async def opens_slowly(asked: Asked, writer: asyncio.StreamWriter) -> None:
        desk.clock.now += FULL_MS / 1000
        await fake_payment.opens(asked, writer)

    desk.payment.behaviour = opens_slowly
    async with asyncio.timeout(30):
        while desk.breaker == "closed":
            await desk.reserve(a_request())


async def test_a_breaker_that_opens_between_the_steps_gives_the_reservation_up(
    desk: DeskHarness,
) -> None:
    await desk.open_breaker()
    desk.clock.now += 7  # half open
    rows, keys = await desk.harness.count_rows()
    asked = len(desk.payment.asked)

    def opens_breaker(step: str) -> None:
        if step == "reserve.after_take_pending":
            desk.desk.breaker.permit().failed()

    desk.desk.crash = opens_breaker
    with pytest.raises(OpenCircuit):
        await desk.reserve(a_request("mine"))

    assert await desk.harness.count_rows() == (rows + 1, keys)  # the key is free again
    assert len(desk.payment.asked) == asked


async def test_a_half_open_breaker_lets_three_requests_in(desk: DeskHarness) -> None:
    await desk.open_breaker()
    await desk.harness.consume(bike_changed(free=100, free_seq=3))
    desk.clock.now += 7
    rows, _ = await desk.harness.count_rows()
    desk.payment.behaviour = fake_payment.opens

    crowd = [desk.reserve(a_request()) for _ in range(20)]
    results = await asyncio.gather(*crowd, return_exceptions=True)

    refused = [result for result in results if isinstance(result, OpenCircuit)]
    assert len(refused) == 20 - PROBES
    assert (await desk.harness.count_rows())[0] == rows + PROBES


async def test_nothing_is_written_and_nothing_sent_while_the_breaker_is_open(
    desk: DeskHarness,
) -> None:
    await desk.open_breaker()
    rows, asked = await desk.harness.count_rows(), len(desk.payment.asked)

    with pytest.raises(OpenCircuit) as refused:
        await desk.reserve(a_request("mine"))

    assert refused.value.retry_after
    assert await desk.harness.count_rows() == rows
    assert len(desk.payment.asked) == asked


async def test_the_breaker_closes_after_three_answers(desk: DeskHarness) -> None:
    await desk.open_breaker()
    await desk.harness.consume(bike_changed(free=100, free_seq=3))
    desk.payment.behaviour = fake_payment.opens
    desk.clock.now += 7

    async with asyncio.timeout(30):
        while desk.breaker != "closed":  # three times, on a busy machine perhaps more often
            await desk.reserve(a_request())


async def test_refusals_by_payment_leave_the_breaker_closed(desk: DeskHarness) -> None:
    desk.payment.behaviour = fake_payment.answers(409)

    await desk.fail(FEWEST_CALLS + 5)

    assert desk.breaker == "closed"


async def test_a_sold_out_bike_leaves_the_breaker_closed(desk: DeskHarness) -> None:
    await desk.harness.consume(bike_changed(free=0, free_seq=2))

    await desk.fail(FEWEST_CALLS + 5, SoldOut)

    assert desk.breaker == "closed"


async def test_a_full_limiter_refuses_and_nothing_is_written(make_desk: MakeDesk) -> None:
    desk = make_desk(in_flight=1)
    desk.payment.behaviour = fake_payment.never_answers
    running = asyncio.create_task(desk.reserve(a_request()))
    await desk.payment.until_asked(1)

    with pytest.raises(Overloaded) as refused:
        await desk.reserve(a_request("mine"))

    assert refused.value.retry_after
    assert await desk.harness.count_rows() == (1, 0)
    await hang_up(running)


async def test_a_buyer_who_hangs_up_frees_the_place_and_the_resolver_cancels_the_reservation(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        reserving, "DEADLINE_MS", 5_000
    )  # enough to reach payment on a busy machine
    desk = make_desk(in_flight=1)
    desk.payment.behaviour = fake_payment.never_answers
    running = asyncio.create_task(desk.reserve(a_request("mine")))
    await desk.payment.until_asked(1)

    await hang_up(running)
    await desk.harness.age(seconds=6)
    await desk.harness.run_timed("resolve_pending")

    assert desk.desk.limiter.in_flight == 0
    assert await desk.harness.count_rows() == (1, 0)
    desk.payment.behaviour = fake_payment.opens
    assert (await desk.reserve(a_request("mine"))).answer
