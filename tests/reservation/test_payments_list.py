"""The call that opens several payments, against real sockets: what is sent, and what it means."""

import json

import pytest

from roadbike.kit.resilience.deadline import new_deadline
from roadbike.kit.trace import new_traceparent
from roadbike.reservation.payment_errors import (
    NotSent,
    PaymentError,
    PaymentRefused,
    Unknown,
    Unreachable,
    Verdict,
)
from roadbike.reservation.payments import FULL_MS, Unopened
from tests.reservation import fake_payment
from tests.reservation.builders import a_pending
from tests.reservation.fake_payment import Asked, Behaviour, FakePayment, Writer
from tests.reservation.test_payments import accepted, callee_of_reservation, payments_at


def unopened(ms: int = 2_000) -> Unopened:
    return Unopened(a_pending(), new_deadline(ms), new_traceparent())


async def ask(url: str, *batch: Unopened) -> list[PaymentError | None]:
    async with payments_at(url) as payments:
        return await payments.open_all(batch)


def kinds(results: list[PaymentError | None]) -> list[type[object]]:
    return [type(result) for result in results]


async def test_a_list_names_each_payment_with_its_trace(payment: FakePayment) -> None:
    batch = [unopened() for _ in range(3)]

    results = await ask(payment.url, *batch)

    assert results == [None] * 3
    (call,) = payment.calls
    assert (call.method, call.path) == ("PUT", "/internal/payments")
    assert json.loads(call.body)["payments"] == [
        {
            "bikeId": 1,
            "userId": "kim",
            "price": 5_100_000,
            "reserveStore": one.reservation.store_name,
            "reserveId": str(one.reservation.reservation_id),
            "traceparent": one.traceparent,
        }
        for one in batch
    ]


async def test_the_token_of_a_list_covers_its_body(payment: FakePayment) -> None:
    await ask(payment.url, unopened(), unopened())

    (call,) = payment.calls
    assert accepted(callee_of_reservation(), call) == "reservation"


async def test_a_list_has_the_time_of_the_one_that_has_most(payment: FakePayment) -> None:
    await ask(payment.url, unopened(200), unopened(2_000), unopened(300))

    (call,) = payment.calls
    assert 300 < int(call.headers["x-timeout-ms"]) <= 1_980


async def test_one_without_enough_time_left_is_not_sent_with_the_others(
    payment: FakePayment,
) -> None:
    late, other = unopened(99), unopened()

    results = await ask(payment.url, late, other, unopened(50))

    assert kinds(results) == [NotSent, type(None), NotSent]
    assert [asked.reservation_id for asked in payment.asked] == [other.reservation.reservation_id]


async def test_without_enough_time_for_any_nothing_is_sent(payment: FakePayment) -> None:
    results = await ask(payment.url, unopened(99), unopened(10))

    assert kinds(results) == [NotSent] * 2
    assert payment.calls == []


@pytest.mark.parametrize(
    "behaviour",
    [
        fake_payment.answers(500),
        fake_payment.answers(204),
        fake_payment.answers(200, b"{}"),
        fake_payment.answers(200, b"\xff"),
        fake_payment.hangs_up,
        fake_payment.sends(b"garbage\r\n\r\n"),
    ],
)
async def test_a_list_without_a_proper_answer_is_unknown_for_all(
    payment: FakePayment, behaviour: Behaviour
) -> None:
    payment.behaviour = behaviour

    results = await ask(payment.url, unopened(), unopened())

    assert [isinstance(result, Unknown) for result in results] == [True, True]
    assert results[0] is not results[1]  # each is raised to its own request


@pytest.mark.parametrize("ms", [FULL_MS - 200, FULL_MS + 50])
async def test_a_list_that_times_out_counts_against_payment(payment: FakePayment, ms: int) -> None:
    payment.behaviour = fake_payment.never_answers

    results = await ask(payment.url, unopened(150), unopened(ms))

    assert [(type(one), one and one.verdict) for one in results] == [(Unknown, Verdict.FAILED)] * 2


async def test_payment_that_cannot_be_reached_is_unreachable_for_all() -> None:
    async with fake_payment.open_fake_payment(fake_payment.opens) as payment:
        url = payment.url

    assert kinds(await ask(url, unopened(), unopened())) == [Unreachable] * 2


async def test_each_of_a_refused_list_is_asked_for_alone_in_its_own_trace(
    payment: FakePayment,
) -> None:
    payment.behaviour = fake_payment.answers(401)
    batch = [unopened(), unopened()]

    results = await ask(payment.url, *batch)

    assert kinds(results) == [PaymentRefused] * 2
    _, *alone = payment.calls
    sent = {call.reservation_id: call.headers["traceparent"].split("-")[1] for call in alone}
    assert sent == {
        one.reservation.reservation_id: str(one.traceparent).split("-")[1] for one in batch
    }


async def test_an_older_payment_is_asked_without_what_it_does_not_know(
    payment: FakePayment,
) -> None:
    async def as_older(asked: Asked, writer: Writer) -> None:
        knows_all = b"reserveStore" not in asked.body
        await (fake_payment.opens if knows_all else fake_payment.answers(422))(asked, writer)

    payment.behaviour = as_older
    batch = [unopened(), unopened()]

    assert await ask(payment.url, *batch) == [None, None]

    last = {call.reservation_id: json.loads(call.body) for call in payment.calls[-2:]}
    assert last == {
        one.reservation.reservation_id: {"bikeId": 1, "userId": "kim", "price": 5_100_000}
        for one in batch
    }
