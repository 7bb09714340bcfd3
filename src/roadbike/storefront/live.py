"""Purchases that are watched live: my page is asked once for all of them, and wakes who watches."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Self
from uuid import UUID

import structlog

from roadbike.storefront.peers import Peers, Request, Unreachable

ASKED_AT_ONCE: Final = 1000  # purchases in one request, whose body is limited
LONGEST_WAIT_SECONDS: Final = 2.0  # of my page, for a change
GATHER_SECONDS: Final = 0.2  # for new viewers, before my page is asked again with them
PAUSE_SECONDS: Final = 0.5  # after my page did not answer
TICK_SECONDS: Final = 1.0  # how often is looked whether the process is stopping

log = structlog.get_logger()


class Watch:
    """One viewer of a purchase. `woken` is set when it has changed, or the process is stopping."""

    def __init__(self, reservation_id: UUID) -> None:
        self.reservation_id = reservation_id
        self.woken = asyncio.Event()


class Live:
    """Asks my page which of the watched purchases have changed, while there are any."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._watches: set[Watch] = set()
        self._known: Counter[UUID] = Counter()
        self._added = asyncio.Event()
        self._is_ready: Callable[[], bool] = lambda: True
        self._tasks: Sequence[asyncio.Task[None]] = ()

    async def __aenter__(self) -> Self:
        work = (self._follow(), self._look_for_the_end())
        self._tasks = [asyncio.create_task(each) for each in work]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def watched(self) -> int:
        """Return how many viewers there are."""
        return len(self._watches)

    @contextmanager
    def watch(
        self, reservation_id: UUID, events: int, is_ready: Callable[[], bool]
    ) -> Iterator[Watch]:
        """Watch a purchase during the block. events: how many of its events are known.

        is_ready: whether the process still takes requests.
        """
        watch = Watch(reservation_id)
        self._is_ready = is_ready
        if events < self._known[reservation_id]:
            watch.woken.set()  # another viewer knows of an event that came meanwhile
        self._known[reservation_id] = max(self._known[reservation_id], events)
        self._watches.add(watch)
        self._added.set()
        try:
            yield watch
        finally:
            self._watches.discard(watch)
            if all(other.reservation_id != reservation_id for other in self._watches):
                del self._known[reservation_id]

    async def _follow(self) -> None:
        while True:
            self._added.clear()
            if not self._known:
                await self._added.wait()
                continue
            ids = list(self._known)
            chunks = [ids[at : at + ASKED_AT_ONCE] for at in range(0, len(ids), ASKED_AT_ONCE)]
            asked = [asyncio.create_task(self._ask(chunk)) for chunk in chunks]
            added = asyncio.create_task(self._added.wait())
            await asyncio.wait([*asked, added], return_when=asyncio.FIRST_COMPLETED)
            if added.done():
                await asyncio.sleep(GATHER_SECONDS)  # others may come at the same time
            for task in (*asked, added):
                task.cancel()
            ended = await asyncio.gather(*asked, added, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    log.error("live.failed", exc_info=error)
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, ids: Sequence[UUID]) -> None:
        request = Request(
            service="mypage",
            method="POST",
            path="/internal/purchases/changes",
            body={"known": {str(id_): self._known[id_] for id_ in ids}},
            may_repeat=True,
            waits=LONGEST_WAIT_SECONDS,
        )
        try:
            answer = await self._peers.send(request)
        except Unreachable:
            await asyncio.sleep(PAUSE_SECONDS)
            return
        if not answer.is_success:
            log.warning("live.refused", status=answer.status)
            await asyncio.sleep(PAUSE_SECONDS)
            return
        for id_, events in answer.body["changed"].items():
            self._wake(UUID(id_), events)

    def _wake(self, reservation_id: UUID, events: int) -> None:
        if reservation_id not in self._known:
            return  # its last viewer has left meanwhile
        self._known[reservation_id] = events
        for watch in self._watches:
            if watch.reservation_id == reservation_id:
                watch.woken.set()

    async def _look_for_the_end(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if not self._is_ready():
                for watch in self._watches:
                    watch.woken.set()
