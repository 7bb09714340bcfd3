"""The whole of a reservation: intent, call, registration; and what becomes of it otherwise."""

import asyncio
from typing import Literal
from uuid import UUID

import pytest
from sqlalchemy import select

from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.idempotency import InProgress
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.trace import tracing
from roadbike.reservation.use_cases.reserve import PaymentUnavailable
from tests.reservation import till as tills
from tests.reservation.desk import WholeDesk
from tests.reservation.things import an_order
from tests.reservation.till import Behaviour

UNKNOWN: list[Behaviour] = [tills.answers(500), tills.hangs_up, tills.says(b"garbage\r\n\r\n")]
SURELY_NOT: list[Behaviour] = [tills.answers(409), tills.answers(401)]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """The SQL behind it is tried on both databases elsewhere."""
    return "postgresql"


async def test_a_reservation_is_made_once_its_payment_is_open(desk: WholeDesk) -> None:
    order = an_order("mine")

    receipt = await desk.reserve(order)

    assert receipt.reservation_id == order.reservation_id
    assert [asked.reservation_id for asked in desk.till.asked] == [order.reservation_id]
    assert await desk.counter.told_names() == ["ReservationRegistered"]


async def test_each_of_a_crowd_is_told_in_the_trace_of_its_own_request(desk: WholeDesk) -> None:
    async def reserve() -> tuple[UUID, str]:
        with tracing(None) as own:
            receipt = await desk.reserve(an_order())
        return receipt.reservation_id, trace_of(own)

    asked = dict(await asyncio.gather(*(reserve() for _ in range(3))))

    async with desk.counter.db.read() as tx:
        told = await tx.rows(select(OUTBOX.c.key, OUTBOX.c.traceparent))
    assert {UUID(row["key"]): trace_of(row["traceparent"]) for row in told} == asked
    assert len(set(asked.values())) == 3


def trace_of(traceparent: str) -> str:
    return traceparent.split("-")[1]


@pytest.mark.parametrize("behaves", SURELY_NOT)
async def test_a_payment_that_surely_is_not_open_leaves_nothing(
    desk: WholeDesk, behaves: Behaviour
) -> None:
    desk.till.behaves = behaves
    order = an_order("mine")

    with pytest.raises(PaymentUnavailable) as refused:
        await desk.reserve(order)

    assert refused.value.retry_after
    assert await desk.counter.rows() == (1, 0)
    kept = await desk.counter.reservation(order.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert (await desk.counter.bike()).unanswered == 0


@pytest.mark.parametrize("behaves", UNKNOWN)
async def test_a_payment_that_may_be_open_leaves_the_intent_and_its_key(
    desk: WholeDesk, behaves: Behaviour
) -> None:
    desk.till.behaves = behaves

    order = await desk.ask_in_vain("mine")

    _, keys = await desk.counter.rows()
    assert keys == 1
    kept = await desk.counter.reservation(order.reservation_id)
    assert kept.reservation_status is ReservationStatus.PENDING
    assert "ReservationRegistered" not in await desk.counter.told_names()


async def test_the_same_key_within_a_second_is_in_progress(desk: WholeDesk) -> None:
    desk.till.behaves = tills.answers(500)
    await desk.ask_in_vain("mine")
    desk.till.behaves = tills.opens

    with pytest.raises(InProgress) as refused:
        await desk.reserve(an_order("mine"))

    assert refused.value.retry_after
    assert len(desk.till.asked) == 1


async def test_the_same_key_after_a_second_drives_the_intent_on(desk: WholeDesk) -> None:
    desk.till.behaves = tills.answers(500)
    first = await desk.ask_in_vain("mine")
    desk.till.behaves = tills.opens
    await desk.counter.age(seconds=1.1)

    receipt = await desk.reserve(an_order("mine"))

    assert receipt.reservation_id == first.reservation_id
    assert await desk.counter.rows() == (1, 1)
    assert (await desk.counter.bike()).unanswered == 1
    assert await desk.counter.told_names() == ["ReservationRegistered"]


async def test_an_intent_driven_on_in_vain_is_undone(desk: WholeDesk) -> None:
    desk.till.behaves = tills.answers(500)
    await desk.ask_in_vain("mine")
    desk.till.behaves = tills.answers(409)
    await desk.counter.age(seconds=1.1)

    await desk.ask_in_vain("mine")

    assert await desk.counter.rows() == (1, 0)
    assert (await desk.counter.bike()).unanswered == 0


async def test_an_intent_that_the_resolver_cancelled_meanwhile_is_no_reservation(
    desk: WholeDesk,
) -> None:
    enough = asyncio.Event()
    desk.till.behaves = tills.opens_after(enough)
    running = asyncio.create_task(desk.reserve(an_order("mine")))
    await desk.till.until_asked(1)
    await desk.counter.age(seconds=6)

    await desk.counter.tick("resolve_intents")
    enough.set()

    with pytest.raises(PaymentUnavailable):
        await running
    assert await desk.counter.told_names() == ["ReservationCancelled"]
    assert await desk.counter.rows() == (1, 0)
