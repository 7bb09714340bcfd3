"""Requests that share a call to payment: each gets its own answer, and the breaker counts one."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest

from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.resilience.breaker import FEWEST_CALLS, MOST_COUNTED, OpenCircuit
from roadbike.reservation.payments import MIN_MS
from roadbike.reservation.use_cases import desk as reserving
from roadbike.reservation.use_cases.steps import PaymentUnavailable, Receipt, ReservationRequest
from tests.reservation import fake_payment
from tests.reservation.builders import a_request, bike_changed
from tests.reservation.desk_harness import DeskHarness
from tests.reservation.fake_payment import Behaviour

MakeDesk = Callable[..., DeskHarness]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the same SQL on both databases."""
    return "postgresql"


@pytest.fixture
async def desk(make_desk: MakeDesk) -> DeskHarness:
    desk = make_desk()
    await desk.harness.consume(bike_changed(free=50 * FEWEST_CALLS, free_seq=2))
    return desk


async def crowd(desk: DeskHarness, requests: Sequence[ReservationRequest], ms: int = 5_000) -> Any:
    """Send the requests at the same moment; return what each came to."""
    running = [desk.reserve(request, ms) for request in requests]
    return await asyncio.gather(*running, return_exceptions=True)


async def status(desk: DeskHarness, request: ReservationRequest) -> ReservationStatus:
    return (await desk.harness.reservation(request.reservation_id)).reservation_status


async def test_a_crowd_shares_one_call_and_each_request_is_reserved(desk: DeskHarness) -> None:
    requests = [a_request() for _ in range(50)]

    receipts = await crowd(desk, requests)

    ids = [request.reservation_id for request in requests]
    assert [receipt.reservation_id for receipt in receipts] == ids
    assert [call.path for call in desk.payment.calls] == [fake_payment.LIST]
    assert await desk.harness.published_types() == ["ReservationRegistered"] * 50


async def test_what_payment_refuses_of_a_list_is_given_up_and_the_others_are_reserved(
    desk: DeskHarness,
) -> None:
    requests = [a_request(f"key {n}") for n in range(5)]
    refused = requests[2]
    desk.payment.behaviour = fake_payment.opens_but({refused.reservation_id: 409})

    results = await crowd(desk, requests)

    assert [type(result) for result in results].count(Receipt) == 4
    assert isinstance(results[2], PaymentUnavailable)
    assert await status(desk, refused) is ReservationStatus.CANCELLED
    assert await desk.harness.count_rows() == (5, 4)  # its key is free again


async def test_what_is_unknown_of_a_list_stays_pending_and_the_breaker_closed(
    desk: DeskHarness,
) -> None:
    requests = [a_request(f"key {n}") for n in range(5)]
    unknown = requests[0]
    desk.payment.behaviour = fake_payment.opens_but({unknown.reservation_id: 500})

    results = await crowd(desk, requests)

    assert [type(result) for result in results] == [PaymentUnavailable] + [Receipt] * 4
    assert await status(desk, unknown) is ReservationStatus.PENDING
    assert await desk.harness.count_rows() == (5, 5)
    assert desk.breaker == "closed"


async def test_what_an_answer_does_not_name_is_unknown(desk: DeskHarness) -> None:
    desk.payment.behaviour = fake_payment.answers(200, b'{"payments": []}')
    requests = [a_request() for _ in range(3)]

    results = await crowd(desk, requests)

    assert [type(result) for result in results] == [PaymentUnavailable] * 3
    assert [await status(desk, one) for one in requests] == [ReservationStatus.PENDING] * 3


@pytest.mark.parametrize("behaviour", [fake_payment.answers(500), fake_payment.hangs_up])
@pytest.mark.parametrize("requests", [MOST_COUNTED, 3 * MOST_COUNTED])
async def test_a_list_that_fails_counts_as_five_failures_at_most(
    desk: DeskHarness, behaviour: Behaviour, requests: int
) -> None:
    """So that a payment that hangs opens the breaker after four lists: the lists run at once."""
    await desk.harness.consume(bike_changed(free=100, free_seq=2))
    desk.payment.behaviour = behaviour
    async with asyncio.timeout(30):
        for _ in range(FEWEST_CALLS // MOST_COUNTED - 1):
            results = await crowd(desk, [a_request() for _ in range(requests)])
            assert {type(result) for result in results} == {PaymentUnavailable}
        assert desk.breaker == "closed"

        while desk.breaker == "closed":
            await crowd(desk, [a_request() for _ in range(requests)])

    assert len(desk.payment.calls) <= FEWEST_CALLS


async def test_a_breaker_that_opens_before_the_call_gives_the_whole_batch_up(
    desk: DeskHarness,
) -> None:
    def opens_breaker(step: str) -> None:
        while step == "reserve.after_take_pending" and desk.breaker == "closed":
            desk.desk.breaker.permit().failed()

    desk.desk.crash = opens_breaker
    requests = [a_request(f"key {n}") for n in range(5)]

    results = await crowd(desk, requests)

    assert [type(result) for result in results] == [OpenCircuit] * 5
    assert all(result.retry_after for result in results)
    assert desk.payment.calls == []
    assert await desk.harness.count_rows() == (5, 0)
    assert (await desk.harness.bike()).unanswered == 0


async def test_time_outs_of_lists_open_the_breaker_however_little_time_their_buyers_have(
    desk: DeskHarness,
) -> None:
    """A call has its full time, also when its buyers have left: so its end says what payment is."""
    desk.payment.behaviour = fake_payment.never_answers

    async with asyncio.timeout(60):
        while desk.breaker == "closed":
            results = await crowd(desk, [a_request(), a_request()], ms=MIN_MS + 150)
            assert {type(result) for result in results} <= {PaymentUnavailable, OpenCircuit}

    assert len(desk.payment.calls) <= FEWEST_CALLS


async def test_a_request_past_its_own_deadline_leaves_its_list_and_is_continued_by_its_key(
    desk: DeskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserving, "DEADLINE_MS", 10_000)  # no hurry on a busy machine
    released = asyncio.Event()
    desk.payment.behaviour = fake_payment.opens_after(released)
    first, other = a_request("first"), a_request("other")
    waiting = asyncio.create_task(desk.reserve(other, 10_000))

    with pytest.raises(PaymentUnavailable):
        await desk.reserve(first, 1_500)
    assert await status(desk, first) is ReservationStatus.PENDING
    released.set()

    assert (await waiting).reservation_id == other.reservation_id
    await desk.harness.age(seconds=1.1)
    continued = await desk.reserve(a_request("first"))
    assert continued.reservation_id == first.reservation_id
    assert desk.payment.calls[0].path == fake_payment.LIST


async def test_a_call_that_hangs_does_not_hold_up_the_requests_that_follow(
    desk: DeskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserving, "DEADLINE_MS", 10_000)
    desk.payment.behaviour = fake_payment.never_answers
    hanging = [asyncio.create_task(desk.reserve(a_request(), 10_000)) for _ in range(2)]
    await desk.payment.until_asked(2)
    desk.payment.behaviour = fake_payment.opens

    async with asyncio.timeout(9):
        receipts = await crowd(desk, [a_request() for _ in range(3)], 10_000)

    assert [type(receipt) for receipt in receipts] == [Receipt] * 3
    for one in hanging:
        one.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


@pytest.mark.parametrize("refusal", [404, 405, 422])
async def test_a_list_that_payment_refuses_as_a_whole_is_asked_for_one_by_one(
    desk: DeskHarness, refusal: int
) -> None:
    """An older payment does not know lists, and one wrong value must not fail the others."""
    requests = [a_request() for _ in range(5)]
    bad = requests[3].reservation_id

    async def opens_others(asked: fake_payment.Asked, writer: fake_payment.Writer) -> None:
        refuses = fake_payment.answers(422)
        await (refuses if asked.reservation_id == bad else fake_payment.opens)(asked, writer)

    desk.payment.behaviour = fake_payment.knows_no_lists(opens_others, refusal)

    results = await crowd(desk, requests)

    assert [type(result) for result in results].count(Receipt) == 4
    assert isinstance(results[3], PaymentUnavailable)
    assert await status(desk, requests[3]) is ReservationStatus.CANCELLED
    # the wrong one is asked for once more, without what an older payment does not know
    assert len(desk.payment.calls) == 1 + len(requests) + 1
    assert desk.breaker == "closed"
