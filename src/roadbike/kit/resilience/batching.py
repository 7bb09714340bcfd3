"""Natural batching: whatever queued up while the last batch ran becomes the next one.

No timer, so a single caller waits for nobody; under load few, big transactions win, and one at a
time makes them bigger than two would be.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Final, Generic, TypeVar

from roadbike.kit.db import DatabaseUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_MOST: Final = 128


class Batches(Generic[Item, Result]):
    """Runs `work` over batches of items; each caller gets the result of its own item.

    `work` returns one result per item, in order; an exception among them is raised to its
    caller. An exception instead of them means that nothing was done: each item is then tried by
    itself, so that one that no database takes fails alone. While the database is away there is no
    use in that. A caller that goes away does not stop its batch.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]]
    ) -> None:
        self._work = work
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Put the item into the next batch and wait for its result."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._running is None:
            # in nobody's context: a trace is its own caller's, not that of who came first
            self._running = asyncio.create_task(self._drain(), context=Context())
        return await answer

    async def rest(self) -> None:
        """Wait until no batch is at work, whoever asked for it."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _drain(self) -> None:
        try:
            while self._waiting:
                size = min(len(self._waiting), AT_MOST)
                await self._work_on([self._waiting.popleft() for _ in range(size)])
        finally:
            # here and not in a callback: whoever asked before that is called would wait for ever
            self._running = None

    async def _work_on(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, answer in batch:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 whatever it was, each caller has to hear it
            if len(batch) > 1 and not isinstance(error, DatabaseUnavailable):
                for one in batch:
                    await self._work_on([one])
                return
            results = [error] * len(batch)
        if len(results) != len(batch):
            results = [ValueError(f"{len(results)} results for {len(batch)} items")] * len(batch)
        for (_, answer), result in zip(batch, results, strict=True):
            _give(answer, result)


def _give(answer: asyncio.Future[Result], result: Result | Exception) -> None:
    if answer.done():
        return  # its caller went away
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
