"""Whoever waits gets the answer to his own item, in as few batches as come about by themselves."""

import asyncio
from collections.abc import Sequence

import pytest

from roadbike.kit.db import DatabaseUnavailable
from roadbike.kit.resilience.batching import AT_MOST, Batches


class Work:
    """Doubles numbers; goes on only when it is let. Remembers its batches."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Semaphore(0)
        self.let = asyncio.Semaphore(0) if held else None

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        self.begun.release()
        if self.let is not None:
            await self.let.acquire()
        return [2 * item for item in items]


async def ask(batches: Batches[int, int], *items: int) -> list[asyncio.Task[int]]:
    """Ask for each of them; all stand in the queue when this returns."""
    tasks = [asyncio.create_task(batches.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def test_a_single_caller_waits_for_nobody() -> None:
    work = Work()

    answer = await Batches(work).submit(1)

    assert (answer, work.batches) == (2, [[1]])


def release(work: Work) -> None:
    assert work.let is not None
    work.let.release()


async def test_no_batch_is_bigger_than_allowed_and_none_is_left_behind() -> None:
    work = Work()
    items = range(10 * AT_MOST + 3)
    batches = Batches(work)

    answers = await asyncio.gather(*(batches.submit(item) for item in items))

    assert answers == [2 * item for item in items]
    assert max(map(len, work.batches)) <= AT_MOST
    assert sorted(item for batch in work.batches for item in batch) == list(items)


async def test_what_queues_up_while_one_batch_runs_is_the_next_batch() -> None:
    work = Work(held=True)
    batches = Batches(work)

    asking = [(await ask(batches, item))[0] for item in range(10)]
    in_the_beginning = list(work.batches)
    for _ in range(2):
        release(work)
    await asyncio.gather(*asking)

    assert in_the_beginning == [[0]]
    assert work.batches == [[0], list(range(1, 10))]


async def test_a_caller_that_asks_again_at_once_is_never_forgotten() -> None:
    async def work(items: Sequence[int]) -> list[int | Exception]:
        return list(items)

    batches = Batches(work)

    async def caller(item: int) -> int:
        return sum([await batches.submit(item) for _ in range(50)])

    async with asyncio.timeout(10):
        sums = await asyncio.gather(*(caller(item) for item in range(5)))

    assert sums == [50 * item for item in range(5)]


async def test_a_failure_among_the_results_reaches_its_own_caller_alone() -> None:
    async def work(items: Sequence[int]) -> list[int | Exception]:
        return [LookupError(item) if item % 2 else item for item in items]

    batches = Batches(work)
    answers = await asyncio.gather(*(batches.submit(n) for n in range(4)), return_exceptions=True)

    assert [str(answer) for answer in answers] == ["0", "1", "2", "3"]
    assert [type(answer) for answer in answers] == [int, LookupError, int, LookupError]


async def test_of_a_batch_that_fails_each_item_is_tried_by_itself() -> None:
    tried: list[Sequence[int]] = []

    async def work(items: Sequence[int]) -> list[int | Exception]:
        tried.append(items)
        if 1 in items:
            raise LookupError
        return list(items)

    batches = Batches(work)
    answers = await asyncio.gather(*(batches.submit(n) for n in range(3)), return_exceptions=True)

    assert tried == [[0, 1, 2], [0], [1], [2]]
    assert [type(answer) for answer in answers] == [int, LookupError, int]
    assert await batches.submit(7) == 7


async def test_while_the_database_is_away_all_hear_it_at_once() -> None:
    tried: list[Sequence[int]] = []

    async def work(items: Sequence[int]) -> list[int | Exception]:
        tried.append(items)
        raise DatabaseUnavailable

    batches = Batches(work)
    answers = await asyncio.gather(*(batches.submit(n) for n in range(3)), return_exceptions=True)

    assert tried == [[0, 1, 2]]
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 3


@pytest.mark.parametrize("results", [[], [1], [1, 2, 3]])
async def test_a_wrong_number_of_results_is_a_failure_for_all(results: list[int]) -> None:
    async def work(_items: Sequence[int]) -> list[int]:
        return results

    batches = Batches(work)
    async with asyncio.timeout(10):
        answers = await asyncio.gather(
            *(batches.submit(n) for n in range(2)), return_exceptions=True
        )

    assert [type(answer) for answer in answers] == [ValueError, ValueError]


async def test_a_caller_that_goes_away_does_not_stop_its_batch() -> None:
    work = Work(held=True)
    batches = Batches(work)
    goes, stays = await ask(batches, 1, 2)
    await work.begun.acquire()

    goes.cancel()
    await asyncio.wait([goes])
    for _ in range(2):
        release(work)

    assert await stays == 4
    assert sorted(item for batch in work.batches for item in batch) == [1, 2]


async def test_a_caller_that_goes_away_while_waiting_is_still_served() -> None:
    work = Work(held=True)
    batches = Batches(work)
    first, goes, last = [(await ask(batches, item))[0] for item in (1, 2, 3)]
    await work.begun.acquire()

    goes.cancel()
    await asyncio.wait([goes])
    release(work)
    release(work)

    assert (await first, await last) == (2, 6)


async def test_work_that_is_cancelled_leaves_nobody_waiting() -> None:
    async def work(_items: Sequence[int]) -> list[int | Exception]:
        raise asyncio.CancelledError

    batches = Batches(work)
    asking = await ask(batches, 1, 2)

    done, waiting = await asyncio.wait(asking, timeout=10)

    assert (len(done), waiting) == (2, set())
    assert all(task.cancelled() for task in done)
