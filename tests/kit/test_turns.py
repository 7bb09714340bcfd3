"""At most so many pieces of work begin in one round of the event loop."""

import asyncio
from itertools import pairwise

from roadbike.kit.resilience.turns import Turns

NUMBER = 3


async def begun_after_each_round(turns: Turns, pieces: int, *, cancelled: int = 0) -> list[int]:
    """Return how many of the pieces of work had begun after each round, until all have."""
    begun = 0

    async def work() -> None:
        nonlocal begun
        await turns.mine()
        begun += 1

    tasks = [asyncio.create_task(work()) for _ in range(pieces)]
    await asyncio.sleep(0)
    for task in tasks[-cancelled:] if cancelled else []:
        task.cancel()
    seen = [begun]
    while begun < pieces - cancelled:
        await asyncio.sleep(0)
        seen.append(begun)
    return seen


async def test_what_comes_at_once_begins_a_few_in_each_round() -> None:
    seen = await begun_after_each_round(Turns(NUMBER), 20)

    assert seen[0] == NUMBER
    assert seen[-1] == 20
    assert all(after - before <= NUMBER for before, after in pairwise(seen))


async def test_who_comes_alone_does_not_wait() -> None:
    turns = Turns(NUMBER)

    for _ in range(10):
        assert await begun_after_each_round(turns, 1) == [1]


async def test_work_that_is_cancelled_takes_no_turn() -> None:
    seen = await begun_after_each_round(Turns(NUMBER), 100, cancelled=90)

    assert seen[-1] == 10
    assert len(seen) < 20
