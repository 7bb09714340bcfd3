"""The lateness of the event loop, as requests meet it that arrive evenly."""

import asyncio
import time

import pytest

from roadbike.kit.resilience.lag import INTERVAL_SECONDS, SAMPLES, Lag


def test_nothing_measured_is_no_lag() -> None:
    assert Lag().p95_ms == 0


def test_one_late_timer_among_many_does_not_count() -> None:
    lag = Lag()
    for late_ms in [1] * (SAMPLES - 1) + [90]:
        lag.add(late_ms)

    assert lag.p95_ms == 1
    lag.add(80)
    assert lag.p95_ms == 80
    for _ in range(SAMPLES):
        lag.add(1)
    assert lag.p95_ms == 1


def test_a_long_stop_counts_as_often_as_requests_would_have_met_it() -> None:
    lag = Lag()
    for _ in range(SAMPLES):
        lag.add(1)

    lag.add(500)

    assert lag.p95_ms >= 400  # 500, 400, 300, 200 and 100 of the last twenty


def test_a_clock_that_is_early_is_no_lag() -> None:
    lag = Lag()

    lag.add(-3)

    assert lag.p95_ms == 0


async def test_it_measures_the_loop_that_it_runs_in() -> None:
    lag = Lag()
    measuring = asyncio.create_task(lag.measure())
    await asyncio.sleep(0)

    time.sleep(INTERVAL_SECONDS + 0.2)  # noqa: ASYNC251 this is the stop
    async with asyncio.timeout(10):
        while not lag.p95_ms:  # noqa: ASYNC110 nothing says so
            await asyncio.sleep(0.01)
    measuring.cancel()

    assert lag.p95_ms == pytest.approx(200, abs=100)
