"""What the desk does not take on: no time, no place, a payment that is dead."""

import asyncio
from collections.abc import Callable
from typing import Literal

import pytest

from roadbike.kit.pure.refusals import Overloaded
from roadbike.kit.resilience.breaker import FEWEST_CALLS, OpenCircuit
from roadbike.kit.resilience.deadline import Deadline
from roadbike.reservation.domain import Reservation, SoldOut
from roadbike.reservation.payments import NotSent
from roadbike.reservation.use_cases import reserve
from roadbike.reservation.use_cases.reserve import PaymentUnavailable
from tests.reservation import till as tills
from tests.reservation.desk import WholeDesk, end
from tests.reservation.things import an_order, bike_told

MakeDesk = Callable[..., WholeDesk]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """The SQL behind it is tried on both databases elsewhere."""
    return "postgresql"


async def test_with_too_little_time_left_nothing_is_written_and_nothing_sent(
    desk: WholeDesk,
) -> None:
    with pytest.raises(PaymentUnavailable):
        await desk.reserve(an_order("mine"), ms=90)

    assert desk.till.asked == []
    assert await desk.counter.rows() == (0, 0)


class OutOfTime:
    """The way to payment, when the intent took all the time there was."""

    async def open(self, _intent: Reservation, _deadline: Deadline) -> None:
        raise NotSent


async def test_what_was_not_sent_is_undone_and_tells_the_breaker_nothing(desk: WholeDesk) -> None:
    await desk.break_()
    rows, _ = await desk.counter.rows()
    desk.clock.now += 7  # half open: three successes would close it
    desk.desk.payments = OutOfTime()

    for _ in range(3):
        with pytest.raises(PaymentUnavailable):
            await desk.reserve(an_order("mine"))

    assert desk.breaker == "half_open"
    assert await desk.counter.rows() == (rows + 3, 0)


async def test_payment_is_given_up_in_time(desk: WholeDesk) -> None:
    desk.till.behaves = tills.falls_asleep
    loop = asyncio.get_running_loop()
    begun = loop.time()

    with pytest.raises(PaymentUnavailable):
        await desk.reserve(an_order())

    assert loop.time() - begun < 1.2  # 0.61 on a machine that has nothing else to do


async def test_a_dead_payment_opens_the_breaker_and_then_nothing_is_written(
    desk: WholeDesk,
) -> None:
    await desk.break_()
    rows, asked = await desk.counter.rows(), len(desk.till.asked)

    with pytest.raises(OpenCircuit) as refused:
        await desk.reserve(an_order("mine"))

    assert refused.value.retry_after
    assert await desk.counter.rows() == rows
    assert len(desk.till.asked) == asked


async def test_the_breaker_closes_once_payment_is_back(desk: WholeDesk) -> None:
    await desk.break_()
    await desk.counter.hear(bike_told(free=100, free_seq=3))
    desk.till.behaves = tills.opens
    desk.clock.now += 7

    for _ in range(3):
        await desk.reserve(an_order())

    assert desk.breaker == "closed"


async def test_refusals_of_payment_leave_the_breaker_closed(desk: WholeDesk) -> None:
    desk.till.behaves = tills.answers(409)

    await desk.fail(FEWEST_CALLS + 5)

    assert desk.breaker == "closed"


async def test_refusals_of_the_trade_leave_the_breaker_alone(desk: WholeDesk) -> None:
    await desk.counter.hear(bike_told(free=0, free_seq=2))

    await desk.fail(FEWEST_CALLS + 5, SoldOut)

    assert desk.breaker == "closed"


async def test_a_full_desk_refuses_and_writes_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk(in_flight=1)
    desk.till.behaves = tills.falls_asleep
    running = asyncio.create_task(desk.reserve(an_order()))
    await desk.till.until_asked(1)

    with pytest.raises(Overloaded) as refused:
        await desk.reserve(an_order("mine"))

    assert refused.value.retry_after
    assert await desk.counter.rows() == (1, 0)
    await end(running)


async def test_a_buyer_who_hangs_up_frees_the_place_and_leaves_the_intent_to_the_resolver(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "DEADLINE_MS", 5_000)  # time enough to ask, on a busy machine too
    desk = make_desk(in_flight=1)
    desk.till.behaves = tills.falls_asleep
    running = asyncio.create_task(desk.reserve(an_order("mine")))
    await desk.till.until_asked(1)

    await end(running)
    await desk.counter.age(seconds=6)
    await desk.counter.tick("resolve_intents")

    assert desk.desk.limiter.in_flight == 0
    assert await desk.counter.rows() == (1, 0)
    desk.till.behaves = tills.opens
    assert (await desk.reserve(an_order("mine"))).answer
