"""Each caller gets the result of its own item, and items that wait share a batch."""

import asyncio
from collections.abc import Sequence

import pytest

from roadbike.kit.db import DatabaseUnavailable
from roadbike.kit.pure.refusals import Overloaded
from roadbike.kit.resilience.batching import MAX_BATCH, Batches


class Work:
    """Doubles numbers and records its batches; when held, each batch waits for `release`."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Semaphore(0)
        self.permits = asyncio.Semaphore(0) if held else None

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        self.begun.release()
        if self.permits is not None:
            await self.permits.acquire()
        return [2 * item for item in items]


async def submitted(batches: Batches[int, int], *items: int) -> list[asyncio.Task[int]]:
    """Submit the items; all are in the queue when this returns."""
    tasks = [asyncio.create_task(batches.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def test_a_single_item_is_worked_on_at_once() -> None:
    work = Work()

    result = await Batches(work).submit(1)

    assert (result, work.batches) == (2, [[1]])


def release(work: Work) -> None:
    assert work.permits is not None
    work.permits.release()


async def test_no_batch_exceeds_the_maximum_and_no_item_is_left_out() -> None:
    work = Work()
    items = range(10 * MAX_BATCH + 3)
    batches = Batches(work)

    results = await asyncio.gather(*(batches.submit(item) for item in items))

    assert results == [2 * item for item in items]
    assert max(map(len, work.batches)) <= MAX_BATCH
    assert sorted(item for batch in work.batches for item in batch) == list(items)


async def test_an_item_that_is_late_when_its_batch_begins_is_not_worked_on() -> None:
    work, late = Work(held=True), False
    batches = Batches(work)
    first = (await submitted(batches, 1))[0]
    await work.begun.acquire()
    waits = asyncio.create_task(batches.submit(2, lambda: late))
    other = (await submitted(batches, 3))[0]

    late = True  # while it waits for the batch before
    release(work)
    release(work)

    with pytest.raises(Overloaded):
        await waits
    assert (await first, await other) == (2, 6)
    assert work.batches == [[1], [3]]


async def test_an_item_that_becomes_late_in_its_batch_gets_its_result() -> None:
    work, late = Work(held=True), False
    task = asyncio.create_task(Batches(work).submit(1, lambda: late))
    await work.begun.acquire()

    late = True
    release(work)

    assert await task == 2


async def test_items_submitted_while_a_batch_runs_are_the_next_batch() -> None:
    work = Work(held=True)
    batches = Batches(work)

    tasks = [(await submitted(batches, item))[0] for item in range(10)]
    at_first = list(work.batches)
    for _ in range(2):
        release(work)
    await asyncio.gather(*tasks)

    assert at_first == [[0]]
    assert work.batches == [[0], list(range(1, 10))]


async def test_a_caller_that_submits_again_at_once_gets_its_result() -> None:
    async def work(items: Sequence[int]) -> list[int | Exception]:
        return list(items)

    batches = Batches(work)

    async def caller(item: int) -> int:
        return sum([await batches.submit(item) for _ in range(50)])

    async with asyncio.timeout(10):
        sums = await asyncio.gather(*(caller(item) for item in range(5)))

    assert sums == [50 * item for item in range(5)]


async def test_an_exception_among_the_results_goes_to_its_own_caller_only() -> None:
    async def work(items: Sequence[int]) -> list[int | Exception]:
        return [LookupError(item) if item % 2 else item for item in items]

    batches = Batches(work)
    results = await asyncio.gather(*(batches.submit(n) for n in range(4)), return_exceptions=True)

    assert [str(result) for result in results] == ["0", "1", "2", "3"]
    assert [type(result) for result in results] == [int, LookupError, int, LookupError]


async def test_after_a_batch_failed_each_item_is_tried_alone() -> None:
    tried: list[Sequence[int]] = []

    async def work(items: Sequence[int]) -> list[int | Exception]:
        tried.append(items)
        if 1 in items:
            raise LookupError
        return list(items)

    batches = Batches(work)
    results = await asyncio.gather(*(batches.submit(n) for n in range(3)), return_exceptions=True)

    assert tried == [[0, 1, 2], [0], [1], [2]]
    assert [type(result) for result in results] == [int, LookupError, int]
    assert await batches.submit(7) == 7


async def test_an_unavailable_database_is_reported_to_all_callers_at_once() -> None:
    tried: list[Sequence[int]] = []

    async def work(items: Sequence[int]) -> list[int | Exception]:
        tried.append(items)
        raise DatabaseUnavailable

    batches = Batches(work)
    results = await asyncio.gather(*(batches.submit(n) for n in range(3)), return_exceptions=True)

    assert tried == [[0, 1, 2]]
    assert [type(result) for result in results] == [DatabaseUnavailable] * 3


@pytest.mark.parametrize("results", [[], [1], [1, 2, 3]])
async def test_a_wrong_number_of_results_is_an_error_for_all_callers(results: list[int]) -> None:
    async def work(_items: Sequence[int]) -> list[int]:
        return results

    batches = Batches(work)
    async with asyncio.timeout(10):
        results = await asyncio.gather(
            *(batches.submit(n) for n in range(2)), return_exceptions=True
        )

    assert [type(result) for result in results] == [ValueError, ValueError]


async def test_a_cancelled_caller_does_not_stop_its_batch() -> None:
    work = Work(held=True)
    batches = Batches(work)
    cancelled, other = await submitted(batches, 1, 2)
    await work.begun.acquire()

    cancelled.cancel()
    await asyncio.wait([cancelled])
    for _ in range(2):
        release(work)

    assert await other == 4
    assert sorted(item for batch in work.batches for item in batch) == [1, 2]


async def test_the_item_of_a_caller_cancelled_in_the_queue_is_still_worked_on() -> None:
    work = Work(held=True)
    batches = Batches(work)
    first, cancelled, last = [(await submitted(batches, item))[0] for item in (1, 2, 3)]
    await work.begun.acquire()

    cancelled.cancel()
    await asyncio.wait([cancelled])
    release(work)
    release(work)

    assert (await first, await last) == (2, 6)


async def test_when_work_is_cancelled_all_its_callers_are_cancelled() -> None:
    async def work(_items: Sequence[int]) -> list[int | Exception]:
        raise asyncio.CancelledError

    batches = Batches(work)
    tasks = await submitted(batches, 1, 2)

    done, waiting = await asyncio.wait(tasks, timeout=10)

    assert (len(done), waiting) == (2, set())
    assert all(task.cancelled() for task in done)


async def test_an_item_does_not_wait_for_a_batch_while_another_one_may_run() -> None:
    work = Work(held=True)
    batches = Batches(work, at_once=2)

    tasks = [(await submitted(batches, item))[0] for item in range(4)]
    async with asyncio.timeout(10):
        for _ in range(2):
            await work.begun.acquire()
    at_first = list(work.batches)
    for _ in range(3):
        release(work)
    await asyncio.gather(*tasks)

    assert at_first == [[0], [1]]
    assert work.batches == [[0], [1], [2, 3]]


async def test_items_of_one_moment_stay_together_though_several_batches_may_run() -> None:
    work = Work()
    batches = Batches(work, at_once=3)

    await asyncio.gather(*(batches.submit(item) for item in range(10)))
    await asyncio.gather(*(batches.submit(item) for item in range(2 * MAX_BATCH)))

    assert [len(batch) for batch in work.batches] == [10, MAX_BATCH, MAX_BATCH]


async def test_a_batch_that_hangs_does_not_hold_up_the_items_that_follow() -> None:
    begun, hangs = asyncio.Event(), asyncio.Event()

    async def work(items: Sequence[int]) -> list[int | Exception]:
        if 0 in items:
            begun.set()
            await hangs.wait()
        return list(items)

    batches = Batches(work, at_once=2)
    hanging = asyncio.create_task(batches.submit(0))
    await begun.wait()

    async with asyncio.timeout(10):
        assert [await batches.submit(item) for item in range(1, 5)] == [1, 2, 3, 4]
    hangs.set()

    assert await hanging == 0
    await batches.wait_until_idle()


async def test_items_submitted_together_get_their_results_in_order() -> None:
    async def work(items: Sequence[int]) -> list[int | Exception]:
        return [LookupError(item) if item % 2 else item for item in items]

    results = await Batches(work).submit_all(range(2 * MAX_BATCH + 1))

    assert [str(result) for result in results] == [str(n) for n in range(2 * MAX_BATCH + 1)]
    assert isinstance(results[1], LookupError)


async def test_when_work_is_cancelled_who_submitted_several_items_is_cancelled() -> None:
    async def work(_items: Sequence[int]) -> list[int | Exception]:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Batches(work).submit_all([1, 2])
