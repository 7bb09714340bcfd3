"""How the circuit breaker counts calls, in a row and shared by requests; what it reports."""

import asyncio

import pytest

from roadbike.kit.resilience.breaker import Breaker, OpenCircuit, breaker
from tests.kit.test_breaker import (
    DEADLINE_MS,
    Clock,
    cancelled_call,
    fail,
    half_open,
    succeed,
    trip,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Breaker:
    return breaker("payment", deadline_ms=DEADLINE_MS, clock=clock, jitter=lambda: 0.5)


async def test_it_reports_its_changes_in_their_order(circuit: Breaker, clock: Clock) -> None:
    await half_open(circuit, clock)
    await fail(circuit)
    clock.now += 10
    for _ in range(3):
        await succeed(circuit)

    report = circuit.report()
    states = [change.state for change in report.changes]
    assert report.state == "closed"
    assert states == ["open", "half_open", "open", "half_open", "closed"]
    assert [change.number for change in report.changes] == [1, 2, 3, 4, 5]
    assert all(change.seconds_ago >= 0 for change in report.changes)


async def test_asking_whether_it_refuses_uses_up_no_probe(circuit: Breaker, clock: Clock) -> None:
    await trip(circuit)
    with pytest.raises(OpenCircuit):
        circuit.check()
    clock.now += 5

    for _ in range(10):
        circuit.check()
    for _ in range(3):
        await succeed(circuit)

    assert circuit.state == "closed"


async def test_four_failed_calls_that_many_requests_share_open_it(circuit: Breaker) -> None:
    async with circuit.permit(128) as permit:
        permit.failed()
    assert circuit.state == "closed"

    for _ in range(3):
        async with circuit.permit(128) as permit:
            permit.failed()

    assert circuit.state == "open"


async def test_a_call_that_many_requests_share_counts_once_in_the_row(circuit: Breaker) -> None:
    for _ in range(1_000):
        await succeed(circuit)

    for _ in range(7):
        async with circuit.permit(128) as permit:
            permit.failed()
    assert circuit.state == "closed"
    async with circuit.permit(128) as permit:
        permit.failed()

    assert circuit.state == "open"


async def test_a_probe_counts_once_whatever_shares_it(circuit: Breaker, clock: Clock) -> None:
    await half_open(circuit, clock)

    for _ in range(2):
        async with circuit.permit(128) as permit:
            permit.succeeded()
    assert circuit.state == "half_open"
    async with circuit.permit(128) as permit:
        permit.succeeded()

    assert circuit.state == "closed"


async def test_it_opens_at_eight_failures_in_a_row_whatever_was_before(circuit: Breaker) -> None:
    for _ in range(1_000):
        await succeed(circuit)

    for _ in range(7):
        await fail(circuit)
    assert circuit.state == "closed"
    await fail(circuit)

    assert circuit.state == "open"


async def test_after_an_answer_in_between_the_row_begins_from_one(circuit: Breaker) -> None:
    for _ in range(1_000):
        await succeed(circuit)

    for _ in range(2):
        for _ in range(7):
            await fail(circuit)
        await succeed(circuit)

    assert circuit.state == "closed"


async def test_a_cancelled_call_neither_ends_nor_lengthens_the_row(circuit: Breaker) -> None:
    for _ in range(7):
        await fail(circuit)
        await cancelled_call(circuit)
    assert circuit.state == "closed"

    await fail(circuit)

    assert circuit.state == "open"


async def test_a_failure_of_a_call_from_before_it_closed_does_not_lengthen_the_row(
    circuit: Breaker, clock: Clock
) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def stale() -> None:
        async with circuit.permit() as permit:
            begun.set()
            await closed.wait()
            permit.failed()

    late = asyncio.create_task(stale())
    await begun.wait()
    await half_open(circuit, clock)
    for _ in range(3):
        await succeed(circuit)
    for _ in range(7):
        await fail(circuit)
    closed.set()
    await late

    assert circuit.state == "closed"
