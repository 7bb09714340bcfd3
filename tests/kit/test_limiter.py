"""Work over the limit waits briefly or is refused."""

import asyncio

import pytest

from roadbike.kit.pure.refusals import Overloaded
from roadbike.kit.resilience.limiter import Limiter


async def test_work_over_the_limit_waits_for_a_place() -> None:
    limiter, entered = Limiter(1, wait_seconds=5), asyncio.Event()

    async def second() -> None:
        async with limiter.place():
            entered.set()

    async with limiter.place():
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)  # let it enter the queue
        assert not entered.is_set()
        assert limiter.waiting == 1

    await waiting
    assert limiter.in_flight == 0


async def test_a_wait_that_takes_too_long_is_refused() -> None:
    limiter = Limiter(1, wait_seconds=0)

    async with limiter.place():
        with pytest.raises(Overloaded) as refused:
            async with limiter.place():
                pass

    assert refused.value.status == 503
    assert refused.value.retry_after is not None
    async with limiter.place():
        assert limiter.in_flight == 1


async def test_a_full_queue_refuses_at_once() -> None:
    limiter, enough = Limiter(2, wait_seconds=60), asyncio.Event()

    async def work() -> None:
        async with limiter.place():
            await enough.wait()

    working = [asyncio.create_task(work()) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        async with limiter.place():
            pass

    enough.set()
    await asyncio.gather(*working)
    assert (limiter.in_flight, limiter.waiting) == (0, 0)


async def test_a_cancelled_wait_leaves_the_queue() -> None:
    limiter = Limiter(1, wait_seconds=60)

    async def work() -> None:
        async with limiter.place():
            pass

    async with limiter.place():
        waiting = asyncio.create_task(work())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert (limiter.in_flight, limiter.waiting) == (0, 0)
