"""The call that opens a payment, against real sockets: opened, certainly not opened, or unknown."""

import asyncio
import json
import socket
import time
from math import inf

import pytest

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.db.ids import new_id
from roadbike.kit.pure.idle import CLIENT_IDLE_SECONDS
from roadbike.kit.resilience.deadline import Deadline, new_deadline
from roadbike.reservation import payments as client
from roadbike.reservation.payment_errors import (
    NotSent,
    PaymentRefused,
    Unknown,
    Unreachable,
    Verdict,
)
from roadbike.reservation.payments import FULL_MS, MIN_MS, HttpPayments
from tests.reservation import fake_payment
from tests.reservation.builders import a_pending
from tests.reservation.fake_payment import Asked, Behaviour, FakePayment, open_fake_payment

KEY = new_signing_key("reservation/1")
GARBAGE = [
    b"\x00\xff garbage \r\n\r\n",
    b"HTTP/1.1 2",
    b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
]
BROKEN = [
    b"",
    b"<html>",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b'{"payId": "1"}',
    b'{"payId": null}',
    fake_payment.opened(new_id()),  # of another reservation
]


def soon(ms: int = 250) -> Deadline:
    return new_deadline(ms)


def payments_at(url: str) -> HttpPayments:
    return HttpPayments([url], ServiceTokens("reservation", KEY, '{"keys": []}'))


async def ask(url: str, deadline: Deadline | None = None) -> None:
    async with payments_at(url) as payments:
        await payments.open(a_pending(), deadline or soon(2_000))


def callee_of_reservation() -> ServiceTokens:
    public = json.dumps({"keys": [SigningKey.from_jwk(KEY).public_jwk()]})
    return ServiceTokens("payment", new_signing_key("payment/1"), public)


def accepted(callee: ServiceTokens, asked: Asked) -> str:
    """Return the caller of a request that the callee accepts."""
    token = asked.headers["authorization"].removeprefix("Bearer ")
    return callee.accept(callee.read(token, asked.method, asked.path), asked.body)


async def test_a_payment_is_opened_with_bike_user_price_and_store(payment: FakePayment) -> None:
    await ask(payment.url)

    (asked,) = payment.asked
    assert asked.method == "PUT"
    assert asked.path.startswith("/internal/payments/")
    sent = {"bikeId": 1, "userId": "kim", "price": 5_100_000}
    assert json.loads(asked.body) == sent | {"reserveStore": a_pending().store_name}


async def test_the_call_carries_a_service_token_and_the_time_that_is_left(
    payment: FakePayment,
) -> None:
    await ask(payment.url, soon(600))

    (asked,) = payment.asked
    assert accepted(callee_of_reservation(), asked) == "reservation"
    assert 0 < int(asked.headers["x-timeout-ms"]) <= 580


async def test_a_call_that_is_sent_again_has_a_token_of_its_own(payment: FakePayment) -> None:
    """aiohttp repeats a PUT when the connection that it kept open was closed meanwhile."""

    async def hangs_up_once(asked: Asked, writer: asyncio.StreamWriter) -> None:
        behave = fake_payment.hangs_up if len(payment.asked) == 2 else fake_payment.opens
        await behave(asked, writer)

    payment.behaviour = hangs_up_once
    async with payments_at(payment.url) as own:
        await own.open(a_pending(), soon(2_000))
        await own.open(a_pending(), soon(2_000))

    _, received, repeated = payment.asked
    assert (received.path, received.body) == (repeated.path, repeated.body)
    callee = callee_of_reservation()
    assert accepted(callee, received) == accepted(callee, repeated) == "reservation"


async def test_connections_are_given_up_before_payment_closes_them(payment: FakePayment) -> None:
    """aiohttp repeats a PUT once, so two stale connections make a call fail."""
    last_used: dict[asyncio.StreamWriter, float] = {}
    both_asked = asyncio.Event()

    async def hangs_up_after_idling(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if time.monotonic() - last_used.get(writer, inf) > CLIENT_IDLE_SECONDS:
            writer.close()  # as a server does whose timer ends just when the request arrives
            return
        if len(payment.asked) == 2:
            both_asked.set()
        await both_asked.wait()
        await fake_payment.opens(asked, writer)
        last_used[writer] = time.monotonic()

    payment.behaviour = hangs_up_after_idling
    async with payments_at(payment.url) as own:
        await asyncio.gather(*(own.open(a_pending(), soon(5_000)) for _ in range(2)))
        await asyncio.sleep(CLIENT_IDLE_SECONDS + 0.1)  # the idle time itself is tested

        await own.open(a_pending(), soon(5_000))

    assert len(payment.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429])
async def test_a_4xx_means_that_payment_works_and_nothing_was_opened(
    payment: FakePayment, status: int
) -> None:
    payment.behaviour = fake_payment.answers(status)

    with pytest.raises(PaymentRefused) as refused:
        await ask(payment.url)

    assert refused.value.nothing_was_opened
    assert refused.value.verdict is Verdict.ANSWERED


@pytest.mark.parametrize("status", [204, 302, 500, 502, 503])
async def test_any_other_status_leaves_it_unknown(payment: FakePayment, status: int) -> None:
    payment.behaviour = fake_payment.answers(status)

    with pytest.raises(Unknown):
        await ask(payment.url)


@pytest.mark.parametrize("body", BROKEN)
async def test_a_body_that_is_not_an_opened_payment_leaves_it_unknown(
    payment: FakePayment, body: bytes
) -> None:
    payment.behaviour = fake_payment.answers(200, body)

    with pytest.raises(Unknown):
        await ask(payment.url)


@pytest.mark.parametrize("raw", GARBAGE)
async def test_bytes_that_are_not_http_leave_it_unknown(payment: FakePayment, raw: bytes) -> None:
    payment.behaviour = fake_payment.sends(raw)

    with pytest.raises(Unknown):
        await ask(payment.url)


async def test_a_dropped_connection_leaves_it_unknown(payment: FakePayment) -> None:
    payment.behaviour = fake_payment.hangs_up

    with pytest.raises(Unknown):
        await ask(payment.url)


@pytest.mark.parametrize(
    "behaviour", [fake_payment.never_answers, fake_payment.sends_one_byte_of(b"{" * 99)]
)
async def test_an_incomplete_answer_leaves_it_unknown(
    payment: FakePayment, behaviour: Behaviour
) -> None:
    payment.behaviour = behaviour
    deadline = soon()

    with pytest.raises(Unknown):
        await ask(payment.url, deadline)

    assert deadline.remaining_ms() == 0


@pytest.mark.parametrize("left_ms", [MIN_MS + 50, FULL_MS + 50])
async def test_a_time_out_counts_against_payment_which_always_has_its_full_time(
    payment: FakePayment, left_ms: int
) -> None:
    payment.behaviour, began = fake_payment.never_answers, time.monotonic()

    with pytest.raises(Unknown) as timed_out:
        await ask(payment.url, soon(left_ms))

    assert time.monotonic() - began >= FULL_MS / 1000
    assert timed_out.value.verdict is Verdict.FAILED
    assert not timed_out.value.nothing_was_opened


async def test_a_payment_may_answer_after_the_deadline_in_its_own_time(
    payment: FakePayment,
) -> None:
    deadline = soon(MIN_MS + 50)

    async def answers_afterwards(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep((deadline.remaining_ms() + 1) / 1000)
        await fake_payment.opens(asked, writer)

    payment.behaviour = answers_afterwards
    await ask(payment.url, deadline)


async def test_a_closed_port_is_unreachable_and_nothing_was_opened() -> None:
    async with open_fake_payment(fake_payment.opens) as payment:
        url = payment.url

    with pytest.raises(Unreachable):
        await ask(url)


async def test_a_host_that_accepts_no_connection_is_unreachable_before_the_deadline() -> None:
    deadline = soon(5_000)

    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        callers = [_connect(full.getsockname()) for _ in range(4)]  # fills its accept queue
        with pytest.raises(Unreachable):
            await ask(f"http://127.0.0.1:{full.getsockname()[1]}", deadline)
        for caller in callers:
            caller.close()

    assert deadline.remaining_ms() > 4_000


async def test_payment_is_not_unreachable_because_our_event_loop_was_busy(
    payment: FakePayment,
) -> None:
    call = asyncio.create_task(ask(payment.url))
    await asyncio.sleep(0)  # it has started to connect
    busy_until = time.monotonic() + 0.13
    while time.monotonic() < busy_until:
        pass

    await call


async def test_with_too_little_time_left_the_call_is_not_sent(payment: FakePayment) -> None:
    with pytest.raises(NotSent):
        await ask(payment.url, soon(99))

    assert payment.asked == []


async def test_a_restarted_payment_is_reached_over_a_new_connection() -> None:
    async with open_fake_payment(fake_payment.opens) as payment:
        port = payment.port
        async with payments_at(payment.url) as payments:
            await payments.open(a_pending(), soon(2_000))
    async with payments_at(payment.url) as payments:
        async with open_fake_payment(fake_payment.opens, port):
            await payments.open(a_pending(), soon(2_000))
        async with open_fake_payment(fake_payment.opens, port) as again:
            await payments.open(a_pending(), soon(2_000))
            assert len(again.asked) == 1


async def test_many_concurrent_calls_do_not_wait_for_each_other(
    payment: FakePayment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "CONNECT_TIMEOUT_SECONDS", 9.0)  # 30 connect in one moment
    released = asyncio.Event()
    payment.behaviour = fake_payment.opens_after(released)
    calls: set[asyncio.Task[None]] = set()

    async with payments_at(payment.url) as payments:
        while len(calls) < 210:
            calls |= {
                asyncio.create_task(payments.open(a_pending(), soon(9_000))) for _ in range(30)
            }
            await payment.until_asked(len(calls))
        released.set()
        await asyncio.gather(*calls)


def _connect(address: tuple[str, int]) -> socket.socket:
    caller = socket.socket()
    caller.setblocking(False)  # noqa: FBT003 the signature is the socket's
    caller.connect_ex(address)
    return caller
