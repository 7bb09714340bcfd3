"""The steps of a reserve request in a row: take pending, open the payment, register or give up."""

import asyncio
from typing import Literal
from uuid import UUID

import pytest
from sqlalchemy import select

from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.idempotency import InProgress
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.trace import tracing
from roadbike.reservation.use_cases.steps import PaymentUnavailable
from tests.reservation import fake_payment
from tests.reservation.builders import a_request
from tests.reservation.desk_harness import DeskHarness
from tests.reservation.fake_payment import Behaviour

UNKNOWN: list[Behaviour] = [
    fake_payment.answers(500),
    fake_payment.hangs_up,
    fake_payment.sends(b"garbage\r\n\r\n"),
]
REFUSED: list[Behaviour] = [fake_payment.answers(409), fake_payment.answers(401)]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the same SQL on both databases."""
    return "postgresql"


async def test_a_reservation_is_made_once_its_payment_is_open(desk: DeskHarness) -> None:
    request = a_request("mine")

    receipt = await desk.reserve(request)

    assert receipt.reservation_id == request.reservation_id
    assert [asked.reservation_id for asked in desk.payment.asked] == [request.reservation_id]
    assert await desk.harness.published_types() == ["ReservationRegistered"]


async def test_each_event_of_a_batch_carries_the_trace_of_its_own_request(
    desk: DeskHarness,
) -> None:
    async def reserve() -> tuple[UUID, str]:
        with tracing(None) as own:
            receipt = await desk.reserve(a_request())
        return receipt.reservation_id, trace_of(own)

    asked = dict(await asyncio.gather(*(reserve() for _ in range(3))))

    async with desk.harness.db.read() as tx:
        published = await tx.rows(select(OUTBOX.c.key, OUTBOX.c.traceparent))
    assert {UUID(row["key"]): trace_of(row["traceparent"]) for row in published} == asked
    assert len(set(asked.values())) == 3


def trace_of(traceparent: str) -> str:
    return traceparent.split("-")[1]


@pytest.mark.parametrize("behaviour", REFUSED)
async def test_a_refused_payment_gives_the_reservation_up_at_once(
    desk: DeskHarness, behaviour: Behaviour
) -> None:
    desk.payment.behaviour = behaviour
    request = a_request("mine")

    with pytest.raises(PaymentUnavailable) as refused:
        await desk.reserve(request)

    assert refused.value.retry_after
    assert await desk.harness.count_rows() == (1, 0)
    kept = await desk.harness.reservation(request.reservation_id)
    assert kept.reservation_status is ReservationStatus.CANCELLED
    assert (await desk.harness.bike()).unanswered == 0


@pytest.mark.parametrize("behaviour", UNKNOWN)
async def test_a_payment_that_may_be_open_leaves_the_reservation_pending_with_its_key(
    desk: DeskHarness, behaviour: Behaviour
) -> None:
    desk.payment.behaviour = behaviour

    request = await desk.fail_at_payment("mine")

    _, keys = await desk.harness.count_rows()
    assert keys == 1
    kept = await desk.harness.reservation(request.reservation_id)
    assert kept.reservation_status is ReservationStatus.PENDING
    assert "ReservationRegistered" not in await desk.harness.published_types()


async def test_the_same_key_within_a_second_is_in_progress(desk: DeskHarness) -> None:
    desk.payment.behaviour = fake_payment.answers(500)
    await desk.fail_at_payment("mine")
    desk.payment.behaviour = fake_payment.opens

    with pytest.raises(InProgress) as refused:
        await desk.reserve(a_request("mine"))

    assert refused.value.retry_after
    assert len(desk.payment.asked) == 1


async def test_the_same_key_after_a_second_continues_with_the_pending_reservation(
    desk: DeskHarness,
) -> None:
    desk.payment.behaviour = fake_payment.answers(500)
    first = await desk.fail_at_payment("mine")
    desk.payment.behaviour = fake_payment.opens
    await desk.harness.age(seconds=1.1)

    receipt = await desk.reserve(a_request("mine"))

    assert receipt.reservation_id == first.reservation_id
    assert await desk.harness.count_rows() == (1, 1)
    assert (await desk.harness.bike()).unanswered == 1
    assert await desk.harness.published_types() == ["ReservationRegistered"]


async def test_a_continued_reservation_is_given_up_when_payment_refuses(desk: DeskHarness) -> None:
    desk.payment.behaviour = fake_payment.answers(500)
    await desk.fail_at_payment("mine")
    desk.payment.behaviour = fake_payment.answers(409)
    await desk.harness.age(seconds=1.1)

    await desk.fail_at_payment("mine")

    assert await desk.harness.count_rows() == (1, 0)
    assert (await desk.harness.bike()).unanswered == 0


async def test_a_reservation_that_the_resolver_cancelled_meanwhile_is_not_registered(
    desk: DeskHarness,
) -> None:
    released = asyncio.Event()
    desk.payment.behaviour = fake_payment.opens_after(released)
    running = asyncio.create_task(desk.reserve(a_request("mine")))
    await desk.payment.until_asked(1)
    await desk.harness.age(seconds=6)

    await desk.harness.run_timed("resolve_pending")
    released.set()

    with pytest.raises(PaymentUnavailable):
        await running
    assert await desk.harness.published_types() == ["ReservationCancelled"]
    assert await desk.harness.count_rows() == (1, 0)
