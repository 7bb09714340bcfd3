"""The call to payment when payment has replicas and one of them is down or hangs."""

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.resilience.deadline import new_deadline
from roadbike.reservation.payments import DEADLINE_MS, HttpPayments, Unknown, Unreachable
from tests.reservation import fake_payment
from tests.reservation.builders import a_pending
from tests.reservation.fake_payment import open_fake_payment

KEY = new_signing_key("reservation/1")


@asynccontextmanager
async def calling(*urls: str) -> AsyncIterator[HttpPayments]:
    async with HttpPayments(urls, ServiceTokens("reservation", KEY, '{"keys": []}')) as payments:
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


async def test_no_replica_that_can_be_reached_is_unreachable(unused_tcp_port: int) -> None:
    down = f"http://127.0.0.1:{unused_tcp_port}"

    async with calling(down, down) as payments:
        with pytest.raises(Unreachable):
            await payments.open(a_pending(), new_deadline(DEADLINE_MS))


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
