"""Payment over the wire: opened, surely not opened, or nobody knows. Against real sockets."""

import asyncio
import json
import socket
import time

import pytest

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.db.ids import new_id
from roadbike.kit.resilience.deadline import Deadline, new_deadline
from roadbike.reservation import payments as reaching
from roadbike.reservation.payments import HttpPayments, NotOpened, NotSent, Unknown, Unreachable
from tests.reservation import till as tills
from tests.reservation.things import an_intent
from tests.reservation.till import Behaviour, Till, open_till

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
    tills.opened(new_id()),  # somebody else's
]


def soon(ms: int = 250) -> Deadline:
    return new_deadline(ms)


async def ask(url: str, deadline: Deadline | None = None) -> None:
    async with HttpPayments(url, ServiceTokens("reservation", KEY, '{"keys": []}')) as payments:
        await payments.open(an_intent(), deadline or soon(2_000))


async def test_an_opened_payment_is_opened(till: Till) -> None:
    await ask(till.url)

    (asked,) = till.asked
    assert asked.method == "PUT"
    assert asked.path.startswith("/internal/payments/")
    assert json.loads(asked.body) == {"bikeId": 1, "userId": "kim", "price": 5_100_000}


async def test_the_call_carries_our_own_token_and_what_time_is_left(till: Till) -> None:
    await ask(till.url, soon(600))

    (asked,) = till.asked
    public = json.dumps({"keys": [SigningKey.from_jwk(KEY).public_jwk()]})
    payment = ServiceTokens("payment", new_signing_key("payment/1"), public)
    assert payment.verify(asked.headers["authorization"].removeprefix("Bearer ")) == "reservation"
    assert 0 < int(asked.headers["x-timeout-ms"]) <= 580


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429])
async def test_a_refusal_means_that_it_was_not_opened(till: Till, status: int) -> None:
    till.behaves = tills.answers(status)

    with pytest.raises(NotOpened) as refused:
        await ask(till.url)

    assert not isinstance(refused.value, NotSent | Unreachable)


@pytest.mark.parametrize("status", [204, 302, 500, 502, 503])
async def test_any_other_status_leaves_it_unknown(till: Till, status: int) -> None:
    till.behaves = tills.answers(status)

    with pytest.raises(Unknown):
        await ask(till.url)


@pytest.mark.parametrize("body", BROKEN)
async def test_a_body_that_is_no_answer_leaves_it_unknown(till: Till, body: bytes) -> None:
    till.behaves = tills.answers(200, body)

    with pytest.raises(Unknown):
        await ask(till.url)


@pytest.mark.parametrize("raw", GARBAGE)
async def test_what_is_no_http_leaves_it_unknown(till: Till, raw: bytes) -> None:
    till.behaves = tills.says(raw)

    with pytest.raises(Unknown):
        await ask(till.url)


async def test_a_dropped_connection_leaves_it_unknown(till: Till) -> None:
    till.behaves = tills.hangs_up

    with pytest.raises(Unknown):
        await ask(till.url)


@pytest.mark.parametrize("behaves", [tills.falls_asleep, tills.trickles(b"{" * 99)])
async def test_no_whole_answer_in_time_leaves_it_unknown(till: Till, behaves: Behaviour) -> None:
    till.behaves = behaves
    deadline = soon()

    with pytest.raises(Unknown):
        await ask(till.url, deadline)

    assert deadline.remaining_ms() == 0


async def test_a_closed_port_is_unreachable() -> None:
    async with open_till(tills.opens) as till:
        url = till.url

    with pytest.raises(Unreachable):
        await ask(url)


async def test_a_host_that_takes_no_connection_is_unreachable_long_before_the_deadline() -> None:
    deadline = soon(5_000)

    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        callers = [_knock(full.getsockname()) for _ in range(4)]  # its queue is full now
        with pytest.raises(Unreachable):
            await ask(f"http://127.0.0.1:{full.getsockname()[1]}", deadline)
        for caller in callers:
            caller.close()

    assert deadline.remaining_ms() > 4_000


async def test_payment_is_not_unreachable_because_we_are_busy_for_a_moment(till: Till) -> None:
    call = asyncio.create_task(ask(till.url))
    await asyncio.sleep(0)  # it has begun to connect
    busy_until = time.monotonic() + 0.13
    while time.monotonic() < busy_until:
        pass

    await call


async def test_with_too_little_time_left_it_is_not_sent(till: Till) -> None:
    with pytest.raises(NotSent):
        await ask(till.url, soon(99))

    assert till.asked == []


async def test_a_payment_that_was_started_again_is_reached_on_a_new_connection() -> None:
    tokens = ServiceTokens("reservation", KEY, '{"keys": []}')
    async with open_till(tills.opens) as till:
        port = till.port
        async with HttpPayments(till.url, tokens) as payments:
            await payments.open(an_intent(), soon(2_000))
    async with HttpPayments(till.url, tokens) as payments:
        async with open_till(tills.opens, port):
            await payments.open(an_intent(), soon(2_000))
        async with open_till(tills.opens, port) as again:
            await payments.open(an_intent(), soon(2_000))
            assert len(again.asked) == 1


async def test_many_are_asked_at_once_and_none_waits_for_another(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "CONNECT_SECONDS", 9.0)  # thirty knock in one moment of our loop
    tokens = ServiceTokens("reservation", KEY, '{"keys": []}')
    enough = asyncio.Event()
    till.behaves = tills.opens_after(enough)
    calls: set[asyncio.Task[None]] = set()

    async with HttpPayments(till.url, tokens) as payments:
        while len(calls) < 210:
            calls |= {
                asyncio.create_task(payments.open(an_intent(), soon(9_000))) for _ in range(30)
            }
            await till.until_asked(len(calls))
        enough.set()
        await asyncio.gather(*calls)


def _knock(address: tuple[str, int]) -> socket.socket:
    caller = socket.socket()
    caller.setblocking(False)  # noqa: FBT003 the name is the socket's
    caller.connect_ex(address)
    return caller
