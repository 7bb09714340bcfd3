"""Natural batching: the items that arrive while one batch runs are the next batch.

There is no timer, so a single item is worked on at once. Under load a few large transactions are
faster than many small ones, and one batch at a time makes them larger than two at a time would.
Calls that may hang go several at a time, so that one of them does not hold up all items.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from roadbike.kit.db import DatabaseUnavailable
from roadbike.kit.pure.refusals import Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH: Final = 128  # items
RETRY_SECONDS: Final = 1.0  # until the caller of a late item may try again


def never() -> bool:
    """Return that an item is not late, however long it has waited."""
    return False


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item, Result]):
    item: Item
    is_late: Callable[[], bool]
    future: asyncio.Future[Result]


class Batches(Generic[Item, Result]):
    """Calls `work` with batches of at most MAX_BATCH items; each caller gets its item's result.

    `work` returns one result per item, in order; an exception among the results is raised to
    that item's caller. When `work` itself raises, nothing was done: each item is then tried alone,
    so that one bad item does not fail the others; only DatabaseUnavailable goes to all callers at
    once, since every item would fail with it. A caller that is cancelled does not stop its batch.
    at_once: batches that may run at the same time. Items that are submitted in one round of the
    event loop stay together.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        at_once: int = 1,
    ) -> None:
        self._work = work
        self._at_once = at_once
        self._waiting: deque[_Entry[Item, Result]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._is_one_starting = False  # it has not taken its items yet

    async def submit(self, item: Item, is_late: Callable[[], bool] = never) -> Result:
        """Put the item into the next batch and wait for its result.

        is_late: asked when its batch begins; an item whose caller has no use for it any more is not
        worked on.
        Raises the item's exception, Overloaded when it is late; ValueError when `work` returned a
        wrong number of results.
        """
        return await self._put(item, is_late)

    async def submit_all(
        self, items: Iterable[Item], is_late: Callable[[], bool] = never
    ) -> list[Result | Exception]:
        """Put the items into the next batches; return the result or the exception of each.

        is_late: as in `submit`, of all of them.
        """
        futures = [self._put(item, is_late) for item in items]
        results = await asyncio.gather(*futures, return_exceptions=True)
        return [_unless_cancelled(result) for result in results]

    async def wait_until_idle(self) -> None:
        """Wait until no batch runs and no item waits."""
        while self._running:
            await asyncio.wait(self._running)

    def _put(self, item: Item, is_late: Callable[[], bool]) -> "asyncio.Future[Result]":
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(item, is_late, future))
        self._start()
        return future

    def _start(self) -> None:
        if self._waiting and len(self._running) < self._at_once and not self._is_one_starting:
            self._is_one_starting = True
            # in an empty context: the batch does not belong to the trace of its first caller
            self._running.add(asyncio.create_task(self._drain(), context=Context()))

    async def _drain(self) -> None:
        self._is_one_starting = False
        try:
            while self._waiting:
                size = min(len(self._waiting), MAX_BATCH)
                taken = [self._waiting.popleft() for _ in range(size)]
                self._start()  # for what is left
                if batch := [entry for entry in taken if not _is_dropped(entry)]:
                    await self._work_on(batch)
        finally:
            # not in a done callback: an item submitted before that ran would never be worked on
            self._running -= {asyncio.current_task()}

    async def _work_on(self, batch: Sequence[_Entry[Item, Result]]) -> None:
        try:
            results = await self._work([entry.item for entry in batch])
        except asyncio.CancelledError:
            for entry in batch:
                entry.future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 each caller gets it, whatever it is
            if len(batch) > 1 and not isinstance(error, DatabaseUnavailable):
                for entry in batch:
                    await self._work_on([entry])
                return
            results = [error] * len(batch)
        if len(results) != len(batch):
            results = [ValueError(f"{len(results)} results for {len(batch)} items")] * len(batch)
        for entry, result in zip(batch, results, strict=True):
            _resolve(entry.future, result)


def _is_dropped(entry: _Entry[Item, Result]) -> bool:
    if not entry.is_late():
        return False
    _resolve(entry.future, Overloaded(retry_after=RETRY_SECONDS))
    return True


def _resolve(future: asyncio.Future[Result], result: Result | Exception) -> None:
    if future.done():
        return  # its caller was cancelled
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _unless_cancelled(result: Result | BaseException) -> Result | Exception:
    if isinstance(result, BaseException) and not isinstance(result, Exception):
        raise result  # the work was cancelled
    return result
