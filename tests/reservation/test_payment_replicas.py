"""The call to payment when payment has replicas and one of them is down or hangs."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.resilience.breaker import FEWEST_CALLS
from roadbike.kit.resilience.deadline import new_deadline
from roadbike.kit.resilience.targets import REST_SECONDS
from roadbike.reservation.payment_errors import Unknown, Unreachable
from roadbike.reservation.payments import DEADLINE_MS, HttpPayments
from roadbike.reservation.use_cases.steps import PaymentUnavailable
from tests.reservation import fake_payment
from tests.reservation.builders import a_pending, a_request, bike_changed
from tests.reservation.desk_harness import DeskHarness
from tests.reservation.fake_payment import Asked, open_fake_payment
from tests.reservation.service_harness import ReservationHarness

KEY = new_signing_key("reservation/1")
TOKENS = ServiceTokens("reservation", KEY, '{"keys": []}')


@asynccontextmanager
async def calling(*urls: str) -> AsyncIterator[HttpPayments]:
    async with HttpPayments(urls, TOKENS) as payments:
        yield payments


async def test_calls_go_to_both_replicas() -> None:
    async with (
        open_fake_payment(fake_payment.opens) as one,
        open_fake_payment(fake_payment.opens) as other,
        calling(one.url, other.url) as payments,
    ):
        for _ in range(6):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))

    assert (len(one.asked), len(other.asked)) == (3, 3)


async def test_a_replica_that_is_down_costs_no_call(unused_tcp_port: int) -> None:
    async with (
        open_fake_payment(fake_payment.opens) as one,
        calling(f"http://127.0.0.1:{unused_tcp_port}", one.url) as payments,
    ):
        for _ in range(4):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))

    assert len(one.asked) == 4


async def test_replicas_that_are_restarted_one_after_the_other_cost_no_call(
    unused_tcp_port: int,
) -> None:
    """The first one is back, and still left out when the second one goes down."""
    async with open_fake_payment(fake_payment.opens) as second:
        payments = HttpPayments([f"http://127.0.0.1:{unused_tcp_port}", second.url], TOKENS)
        await payments.__aenter__()
        await payments.open(a_pending(), new_deadline(DEADLINE_MS))
    try:
        async with open_fake_payment(fake_payment.opens, unused_tcp_port) as first:
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))
    finally:
        await payments.__aexit__()

    assert (len(first.asked), len(second.asked)) == (1, 1)


async def test_a_call_that_is_cut_off_is_made_again_at_another_replica() -> None:
    async with (
        open_fake_payment(fake_payment.hangs_up) as one,
        open_fake_payment(fake_payment.opens) as other,
        calling(one.url, other.url) as payments,
    ):
        for _ in range(4):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))

    assert len(one.asked) >= 1
    assert len(other.asked) == 4


async def test_behind_a_single_url_a_call_that_is_cut_off_is_made_once_more() -> None:
    async def hangs_up_once(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await (fake_payment.hangs_up if len(one.asked) == 1 else fake_payment.opens)(asked, writer)

    async with open_fake_payment(hangs_up_once) as one, calling(one.url) as payments:
        await payments.open(a_pending(), new_deadline(DEADLINE_MS))
        one.behaviour = fake_payment.hangs_up
        with pytest.raises(Unknown):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))

    assert len(one.asked) >= 4


async def test_what_was_cut_off_stays_unknown_when_no_other_replica_can_be_reached(
    unused_tcp_port: int,
) -> None:
    """The first replica may have opened it."""
    down = f"http://127.0.0.1:{unused_tcp_port}"

    async with (
        open_fake_payment(fake_payment.hangs_up) as one,
        calling(one.url, down) as payments,
    ):
        with pytest.raises(Unknown) as failed:
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))

    assert not failed.value.nothing_was_opened


async def test_a_call_that_had_no_answer_in_time_is_not_repeated() -> None:
    async with (
        open_fake_payment(fake_payment.never_answers) as one,
        open_fake_payment(fake_payment.opens) as other,
        calling(one.url, other.url) as payments,
    ):
        with pytest.raises(Unknown):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))

    assert (len(one.asked), len(other.asked)) == (1, 0)


async def test_a_refusal_for_too_many_requests_is_not_repeated() -> None:
    async with (
        open_fake_payment(fake_payment.answers(503)) as one,
        open_fake_payment(fake_payment.opens) as other,
        calling(one.url, other.url) as payments,
    ):
        with pytest.raises(Unknown):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))

    assert (len(one.asked), len(other.asked)) == (1, 0)


async def test_no_replica_that_can_be_reached_is_unreachable(unused_tcp_port: int) -> None:
    down = f"http://127.0.0.1:{unused_tcp_port}"

    async with calling(down, down) as payments:
        with pytest.raises(Unreachable):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))


async def test_one_of_three_replicas_that_hangs_leaves_the_breaker_closed(
    harness: ReservationHarness,
) -> None:
    """Its share of failed calls stays far below a half: it is asked once in two seconds."""
    await harness.consume(bike_changed(free=10 * FEWEST_CALLS, free_seq=2))
    results = []
    with socket.socket() as hung:  # the kernel accepts connections, nobody reads from them
        hung.bind(("127.0.0.1", 0))
        hung.listen()
        address = f"http://127.0.0.1:{hung.getsockname()[1]}"
        async with (
            open_fake_payment(fake_payment.opens) as one,
            open_fake_payment(fake_payment.opens) as other,
            calling(one.url, address, other.url) as payments,
        ):
            desk = DeskHarness(harness, one, payments)
            for _ in range(3 * FEWEST_CALLS):
                results += await asyncio.gather(desk.reserve(a_request()), return_exceptions=True)
            states = [change.state for change in desk.desk.breaker.report().changes]

    failed = [result for result in results if isinstance(result, Exception)]
    assert 1 <= len(failed) < len(results) / 4
    assert {type(result) for result in failed} == {PaymentUnavailable}
    assert states == []


async def test_a_replica_that_still_hangs_when_it_is_tried_again_costs_no_call() -> None:
    """Nor does one that has just started and is slow at first."""
    now = 100.0
    async with (
        open_fake_payment(fake_payment.never_answers) as one,
        open_fake_payment(fake_payment.opens) as other,
        HttpPayments([one.url, other.url], TOKENS, clock=lambda: now) as payments,
    ):
        with pytest.raises(Unknown):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))
        for _ in range(3):
            now += REST_SECONDS
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))
        trials, opened = len(one.asked) - 1, len(other.asked)
        one.behaviour = fake_payment.opens
        now += REST_SECONDS
        for _ in range(5):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))

    assert trials > 0
    assert opened == 3
    assert len(one.asked) - 1 - trials >= 2  # it is used again as the other one


async def test_a_replica_that_hangs_costs_one_call() -> None:
    with socket.socket() as hung:  # the kernel accepts connections, nobody reads from them
        hung.bind(("127.0.0.1", 0))
        hung.listen()
        address = f"http://127.0.0.1:{hung.getsockname()[1]}"
        async with (
            open_fake_payment(fake_payment.opens) as one,
            calling(address, one.url) as payments,
        ):
            with pytest.raises(Unknown):
                await payments.open(a_pending(), new_deadline(DEADLINE_MS))
            began = time.monotonic()
            for _ in range(3):
                await payments.open(a_pending(), new_deadline(DEADLINE_MS))
            took = time.monotonic() - began

    assert len(one.asked) == 3
    assert took < DEADLINE_MS / 1000
