"""The broker's log of one service's topic, as the relay looks after it.

A broker can lose its log: with its disk, or because it was restored from an older back-up. Then
the events that are kept in the outbox are sent again. And a log has a limit of size: it is trimmed
by what was sent, not by the clock.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from roadbike.kit.crash import Crash, never_crash
from roadbike.kit.db import Database
from roadbike.kit.db.statements import Row
from roadbike.kit.messaging import sent
from roadbike.kit.messaging.broker import Broker, Mark
from roadbike.kit.messaging.pace import Pace

log = structlog.get_logger()

CHECK_SECONDS: Final = 60.0
TRIM_BYTES: Final = 16 << 20  # of sent events, between two looks at the size of the topic
BROKER_RETENTION: Final = timedelta(hours=1)  # of acknowledged events, while there is room


class BrokerLog:
    """Compares the log with what the outbox knows of it, and keeps it from filling up.

    Every method raises BrokerUnavailable and DatabaseUnavailable.
    check_seconds: between two comparisons over the same connection.
    """

    def __init__(
        self,
        db: Database,
        broker: Broker,
        *,
        crash: Crash = never_crash,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        self._db, self._broker, self._crash = db, broker, crash
        self._check_seconds = check_seconds
        self._checked: tuple[int, int] | None = None  # epoch of the lease, number of connection
        self._check_at = 0.0  # by the monotonic clock
        self._incarnation: str | None = None  # of the log that holds the last mark
        self._last: dict[int, Row] = {}  # the event that was sent last, by partition
        self._sent_bytes = 0

    async def check(self, epoch: int) -> None:
        """Make sure that the log still has the last event that it acknowledged.

        If it has not, all kept events become unsent, and the groups of the topic start over. It
        looks after each new connection and each change of the lease, and once a minute.
        """
        state = epoch, self._broker.connections
        if state == self._checked and time.monotonic() < self._check_at:
            return
        if self._checked is None or self._checked[0] != epoch:
            self._last = {}  # somebody else may have sent everything again since
        async with self._db.read() as tx:
            last = await sent.last_sent(tx)
        if last is None:
            self._incarnation = None
        elif lost := await self._lost(last):
            await self._refill(lost, epoch)
        else:
            self._incarnation = sent.mark_of(last).incarnation
        self._checked, self._check_at = state, time.monotonic() + self._check_seconds

    def acknowledged(self, marks: Sequence[Mark]) -> bool:
        """Return whether these marks are of the log that was checked.

        If not, the log was lost after the check: the events must stay unsent, so that the mark
        that the next check finds is still one of the lost log.
        """
        if self._incarnation in {None, marks[0].incarnation}:
            self._incarnation = marks[0].incarnation
            return True
        self._checked = None
        return False

    async def note_sent(self, rows: Sequence[Row], marks: Sequence[Mark]) -> None:
        """Remember the last event of each partition, and look at the size after TRIM_BYTES."""
        for row, mark in zip(rows, marks, strict=True):
            self._last[mark.partition] = {**row, **sent.columns_of(mark)}
        self._sent_bytes += sum(len(row["data"]) for row in rows)
        if self._sent_bytes >= TRIM_BYTES:
            await self.trim(rows[0]["topic"])

    async def trim(self, topic: str) -> None:
        """Let a nearly full topic delete what all its groups have acknowledged."""
        self._sent_bytes = 0
        async with self._db.read() as tx:
            older = await sent.last_sent(tx, before=(await tx.now()) - BROKER_RETENTION)
        await self._broker.trim(topic, None if older is None else sent.mark_of(older))

    async def _lost(self, last: Row) -> Row | None:
        """Return one of the events that were sent last which the log does not hold, else None."""
        for row in {row["event_id"]: row for row in (last, *self._last.values())}.values():
            mark = sent.mark_of(row)
            if not await self._broker.holds(row["topic"], mark, row["event_id"]):
                return row
        return None

    async def _refill(self, last: Row, epoch: int) -> None:
        """Make all kept events unsent, a few at a time; the relay then sends them."""
        log.error("broker.log_lost", topic=last["topic"], position=last["position"])
        await self._broker.start_over(last["topic"], sent.mark_of(last))
        after: int | None = 0
        while after is not None:
            pace = Pace()
            after = await self._db.transact(partial(sent.unsend_some, after=after, epoch=epoch))
            self._crash("relay.between_unsends")
            await pace.rest()
        self._incarnation, self._last = None, {}
        log.warning("outbox.sends_again", topic=last["topic"])
