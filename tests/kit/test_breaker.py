"""One test for each behaviour of the circuit breaker that the services rely on."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from roadbike.kit.resilience.breaker import MAX_OPEN_SECONDS, Breaker, OpenCircuit, breaker

DEADLINE_MS = 610


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Breaker:
    return breaker("payment", deadline_ms=DEADLINE_MS, clock=clock, jitter=lambda: 0.5)


async def succeed(circuit: Breaker) -> None:
    async with circuit.permit() as permit:
        permit.succeeded()


async def fail(circuit: Breaker) -> None:
    async with circuit.permit() as permit:
        permit.failed()


async def trip(circuit: Breaker) -> None:
    while circuit.state == "closed":
        await fail(circuit)


async def half_open(circuit: Breaker, clock: Clock) -> None:
    await trip(circuit)
    clock.now += 5


async def test_it_opens_when_every_second_call_fails(circuit: Breaker) -> None:
    for _ in range(10):
        await succeed(circuit)
        await fail(circuit)

    with pytest.raises(OpenCircuit):
        circuit.permit()


async def test_with_fewer_than_twenty_calls_no_share_opens_it(circuit: Breaker) -> None:
    for number in range(19):
        await (fail(circuit) if number % 7 else succeed(circuit))

    assert circuit.state == "closed"


async def test_it_opens_when_four_in_five_calls_are_slow(circuit: Breaker, clock: Clock) -> None:
    for number in range(20):
        async with circuit.permit() as permit:
            clock.now += 0.489 if number % 5 else 0.01
            permit.succeeded()

    assert circuit.state == "open"


async def test_failures_older_than_the_window_do_not_count(circuit: Breaker, clock: Clock) -> None:
    for number in range(19):
        await (fail(circuit) if number % 7 else succeed(circuit))

    clock.now += 11
    await succeed(circuit)
    await fail(circuit)

    assert circuit.state == "closed"


async def test_an_open_breaker_refuses_with_the_time_until_the_next_probe(
    circuit: Breaker, clock: Clock
) -> None:
    await trip(circuit)
    clock.now += 2

    with pytest.raises(OpenCircuit) as refused:
        circuit.permit()

    assert refused.value.status == 503
    assert refused.value.retry_after == pytest.approx(3.0)


async def test_the_half_open_breaker_permits_three_probes(circuit: Breaker, clock: Clock) -> None:
    await half_open(circuit, clock)

    async with AsyncExitStack() as permits:
        for _ in range(3):
            await permits.enter_async_context(circuit.permit())
        with pytest.raises(OpenCircuit):
            circuit.permit()


async def test_three_answers_close_it(circuit: Breaker, clock: Clock) -> None:
    await half_open(circuit, clock)

    for _ in range(3):
        await succeed(circuit)

    assert circuit.state == "closed"


async def test_one_failed_probe_opens_it_again_for_longer(circuit: Breaker, clock: Clock) -> None:
    await half_open(circuit, clock)

    await succeed(circuit)
    await fail(circuit)

    with pytest.raises(OpenCircuit) as refused:
        circuit.permit()
    assert circuit.state == "open"
    assert refused.value.retry_after == pytest.approx(8.0)


async def test_it_tries_again_within_ten_seconds_however_often_it_has_failed(
    clock: Clock,
) -> None:
    circuit = breaker("payment", deadline_ms=610, clock=clock, jitter=lambda: 1.0)
    await trip(circuit)

    for _ in range(6):
        clock.now += 10
        await fail(circuit)

    with pytest.raises(OpenCircuit) as refused:
        circuit.permit()
    assert refused.value.retry_after == pytest.approx(1.2 * MAX_OPEN_SECONDS)
    assert circuit.state == "open"
    assert refused.value.retry_after < 10


async def test_a_probe_that_succeeds_after_another_failed_does_not_close_it(
    circuit: Breaker, clock: Clock
) -> None:
    await half_open(circuit, clock)
    begun, other_failed = asyncio.Event(), asyncio.Event()

    async def slow_success() -> None:
        async with circuit.permit() as permit:
            begun.set()
            await other_failed.wait()
            permit.succeeded()

    late = asyncio.create_task(slow_success())
    await begun.wait()
    await fail(circuit)
    with pytest.raises(OpenCircuit):
        circuit.permit()
    other_failed.set()
    await late

    assert circuit.state == "open"


async def test_a_success_of_a_call_from_before_it_opened_does_not_count(
    circuit: Breaker, clock: Clock
) -> None:
    begun, tripped = asyncio.Event(), asyncio.Event()

    async def stale() -> None:
        async with circuit.permit() as permit:
            begun.set()
            await tripped.wait()
            permit.succeeded()

    late = asyncio.create_task(stale())
    await begun.wait()
    await half_open(circuit, clock)
    await succeed(circuit)
    await succeed(circuit)
    tripped.set()
    await late

    assert circuit.state == "half_open"


async def test_a_cancelled_probe_does_not_count_and_returns_its_permit(
    circuit: Breaker, clock: Clock
) -> None:
    await half_open(circuit, clock)
    for _ in range(10):
        await cancelled_call(circuit)

    for _ in range(3):
        await succeed(circuit)

    assert circuit.state == "closed"


async def cancelled_call(circuit: Breaker) -> None:
    begun = asyncio.Event()

    async def call() -> None:
        async with circuit.permit():
            begun.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(call())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_cancelled_calls_do_not_open_it(circuit: Breaker) -> None:
    for _ in range(40):
        await cancelled_call(circuit)

    assert circuit.state == "closed"


async def test_only_the_first_reported_outcome_of_a_permit_counts(circuit: Breaker) -> None:
    for _ in range(20):
        async with circuit.permit() as permit:
            permit.failed()
            permit.succeeded()

    assert circuit.state == "open"


async def test_an_exception_without_a_reported_outcome_does_not_count(circuit: Breaker) -> None:
    for _ in range(40):
        with pytest.raises(ValueError, match="ours"):
            async with circuit.permit():
                raise ValueError("ours")

    assert circuit.state == "closed"


async def test_a_jump_of_the_wall_clock_changes_nothing(
    circuit: Breaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trip(circuit)

    monkeypatch.setattr("time.time", lambda: 1e12)

    with pytest.raises(OpenCircuit) as refused:
        circuit.permit()
    assert refused.value.retry_after == pytest.approx(5.0)


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 4.0), (1.0, 6.0)])
async def test_replicas_probe_at_different_times(
    clock: Clock, drawn: float, seconds: float
) -> None:
    circuit = breaker("payment", deadline_ms=DEADLINE_MS, clock=clock, jitter=lambda: drawn)
    await trip(circuit)

    with pytest.raises(OpenCircuit) as refused:
        circuit.permit()
    assert refused.value.retry_after == pytest.approx(seconds)


async def test_one_that_is_switched_off_stays_closed_whatever_fails(clock: Clock) -> None:
    circuit = breaker("payment", deadline_ms=DEADLINE_MS, clock=clock, opens=False)

    for _ in range(50):
        await fail(circuit)
        async with circuit.permit() as permit:
            clock.now += DEADLINE_MS / 1000  # slow
            permit.succeeded()

    assert circuit.state == "closed"
