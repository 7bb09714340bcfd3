"""Catching up: what a service does differently while it is behind with its messages.

A service that was stopped finds a backlog of messages, and some of its decisions are only fair when
all of them are known. It gives a CatchUp. Then the runtime looks at the start, and after full
batches, how far behind its group is. If it is, the ends of its topics are noted in the database of
the service, where all replicas see them. When everything up to these ends has been consumed, by
any replica, the service catches up, and the ends are forgotten.

An end is a position in one incarnation of a topic's log; when that log is lost, the present end of
the new one takes its place.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.logs import SELDOM
from roadbike.kit.messaging.broker import (
    Broker,
    BrokerUnavailable,
    GroupMissing,
    Progress,
    TopicMissing,
)

BACKLOG: Final = 1_000  # messages that are not acknowledged: then a running service is behind
LOOK_SECONDS: Final = 1.0
LOOK_BEHIND_SECONDS: Final = 0.2  # while it is behind, and before the first look

log = structlog.get_logger()


class TopicEnds(msgspec.Struct, frozen=True):
    """The last positions of a topic's partitions, in one incarnation of its log."""

    incarnation: str
    positions: dict[int, int]


class Ends(msgspec.Struct, frozen=True):
    """The ends that have to be reached, by topic."""

    topics: dict[str, TopicEnds]


@dataclass(frozen=True, kw_only=True, slots=True)
class CatchUp:
    """What a service does when it is behind. Each is called in a transaction of its own.

    ends: returns the noted ends; None while it is not behind.
    change: notes these ends instead of those that were found, unless others stand there by now.
    finish: does some of what was put off, and forgets the ends when nothing is left; returns
    whether there may be more. It does nothing when other ends stand there by now.
    """

    ends: Callable[[Tx], Awaitable[Ends | None]]
    change: Callable[[Tx, Ends | None, Ends], Awaitable[None]]
    finish: Callable[[Tx, Ends], Awaitable[bool]]


class CatchingUp:
    """Finds out whether one service is behind. `looked` is set after the first look."""

    def __init__(
        self, db: Database, broker: Broker, group: str, topics: Sequence[str], service: CatchUp
    ) -> None:
        self.looked = asyncio.Event()
        self._db, self._broker = db, broker
        self._group, self._topics = group, topics
        self._service = service
        self._has_backlog = True  # perhaps: at the start nothing is known

    def note_full_batch(self) -> None:
        """Say that a batch was as large as it can be: there may be many more messages."""
        self._has_backlog = True

    async def run_forever(self) -> None:
        """Look again and again, soon while the service is behind."""
        while True:
            is_behind = False
            try:
                is_behind = await self.look()
            except (BrokerUnavailable, DatabaseUnavailable) as error:
                log.warning("catching_up.waiting", reason=str(error), **SELDOM)
            soon = is_behind or not self.looked.is_set()
            await asyncio.sleep(LOOK_BEHIND_SECONDS if soon else LOOK_SECONDS)

    async def look(self) -> bool:
        """Look once, and catch up if it is time to; return whether the service is behind then.

        Raises BrokerUnavailable, DatabaseUnavailable.
        """
        async with self._db.read() as tx:
            ends = await self._service.ends(tx)
        if ends is None and self._has_backlog:
            ends = await self._fall_behind()
        self.looked.set()
        if ends is None:
            return False
        progress = await self._progress()
        lost = [topic for topic in ends.topics if _is_lost(ends.topics[topic], progress.get(topic))]
        if lost:
            log.warning("catching_up.log_lost", topics=lost)
            present = {topic: _ends(progress[topic]) for topic in lost}
            changed = Ends({**ends.topics, **present})
            await self._change(ends, changed)
            return True
        if not all(_reached(of, progress.get(topic)) for topic, of in ends.topics.items()):
            return True
        reached = ends
        while await self._db.transact(lambda tx: self._service.finish(tx, reached)):
            pass
        log.info("catching_up.done")
        return False

    async def _fall_behind(self) -> Ends | None:
        """Note the present ends if there is a backlog; return them."""
        progress = await self._progress()
        backlog = sum(each.backlog for each in progress.values())
        is_start = not self.looked.is_set()
        self._has_backlog = False
        if backlog <= (0 if is_start else BACKLOG):
            return None
        ends = Ends({topic: _ends(each) for topic, each in progress.items()})
        await self._change(None, ends)
        log.warning("catching_up.began", backlog=backlog)
        return ends

    async def _change(self, before: Ends | None, after: Ends) -> None:
        await self._db.transact(lambda tx: self._service.change(tx, before, after))

    async def _progress(self) -> Mapping[str, Progress]:
        """Return the progress in each topic that exists."""
        found = {}
        for topic in self._topics:
            try:
                subscription = await self._broker.subscribe(self._group, topic)
                found[topic] = await subscription.progress()
            except (TopicMissing, GroupMissing):
                continue  # nothing can be consumed from it
        return found


def _ends(progress: Progress) -> TopicEnds:
    return TopicEnds(progress.incarnation, dict(progress.ends))


def _is_lost(ends: TopicEnds, progress: Progress | None) -> bool:
    return progress is not None and progress.incarnation != ends.incarnation


def _reached(ends: TopicEnds, progress: Progress | None) -> bool:
    """Return whether the group has acknowledged everything up to the ends."""
    if progress is None:
        return False
    return all(progress.done.get(part, 0) >= end for part, end in ends.positions.items())
