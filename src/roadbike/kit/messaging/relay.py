"""The one that publishes: takes told events out of the outbox and marks what the broker has.

A crash in between publishes twice, never not at all (at-least-once).
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import RowMapping, bindparam, delete, func, select, update

from roadbike.kit.crash import Crash, never
from roadbike.kit.db import Database, DatabaseUnavailable, Tx, lease
from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, Mark, Message
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.pace import Pace

log = structlog.get_logger()

BATCH: Final = 500
POLL_SECONDS: Final = 0.5  # for what another process of this service told
PAUSE_SECONDS: Final = 0.2  # after the broker or the database was away
LEASE_NAME: Final = "relay"
KEPT: Final = timedelta(hours=72)
KEPT_BY_BROKER: Final = timedelta(hours=1)  # at least, and longer as long as there is room
AT_ONCE: Final = 10_000  # forgotten in one transaction
UNSENT: Final = OUTBOX.c.sent_at.is_(None)


class Relay:
    """Publishes the outbox of one service, in order per key, as long as it holds the lease."""

    def __init__(self, db: Database, broker: Broker, service: str, *, crash: Crash = never) -> None:
        self.db, self.broker, self.service, self.crash = db, broker, service, crash
        self._holder = str(new_id())
        self._epoch: int | None = None
        self._prolong_at = 0.0

    async def run_forever(self) -> None:
        """Until cancelled. An away broker or database is waited for."""
        while True:
            pace = Pace()
            try:
                published = await self.relay_once()
            except (BrokerUnavailable, DatabaseUnavailable) as error:
                log.warning("relay.waiting", reason=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                if 0 < published < BATCH:
                    await pace.rest()
                if published < BATCH:
                    await self._until_told()

    async def relay_once(self) -> int:
        """Publish one batch, oldest first; how many events that was. Raises BrokerUnavailable."""
        self.db.outbox_written.clear()  # before the query: later events set it again
        epoch = await self._held_epoch()
        if epoch is None:
            return 0
        rows = await self._unpublished()
        if rows:
            self.crash("outbox.before_publish")
            marks = await self.broker.send([_message(row, self.service) for row in rows])
            self.crash("outbox.after_publish")
            await self.db.transact(lambda tx: _mark(tx, rows, marks, epoch))
        return len(rows)

    async def trim(self, _db: Database) -> None:
        """Let the broker make room, should it be nearly full: by what was told long ago."""
        async with self.db.read() as tx:
            told = await _last_of_the_old(tx)
        if self._epoch is not None and told is not None:
            topic, mark = told
            with suppress(BrokerUnavailable):
                await self.broker.trim(topic, mark)

    async def stop(self) -> None:
        """Let another replica go on at once."""
        if self._epoch is not None:
            with suppress(DatabaseUnavailable):
                await lease.give_back(self.db, LEASE_NAME, self._holder)

    async def _held_epoch(self) -> int | None:
        if self._epoch is None or time.monotonic() >= self._prolong_at:
            self._prolong_at = time.monotonic() + lease.TERM.total_seconds() / 2
            self._epoch = await lease.take(self.db, LEASE_NAME, self._holder)
        return self._epoch

    async def _unpublished(self) -> Sequence[RowMapping]:
        async with self.db.read() as tx:
            return await tx.rows(select(OUTBOX).where(UNSENT).order_by(OUTBOX.c.seq).limit(BATCH))

    async def _until_told(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):  # wait_for of 3.11 may swallow a cancellation
                await self.db.outbox_written.wait()


async def count(tx: Tx) -> dict[str, int]:
    """Return `published`: events ever published, and `unsent`: those still waiting to be sent."""
    published = select(func.coalesce(func.max(OUTBOX.c.seq), 0)).scalar_subquery()
    unsent = select(func.count()).where(UNSENT).scalar_subquery()
    both = select(published.label("published"), unsent.label("unsent"))  # of one moment
    row = await tx.row(both)
    assert row is not None
    return dict(row)


async def delete_sent(tx: Tx) -> bool:
    """Published events are kept for 72 hours, so that a lost broker log can be filled again.

    Whether there may be more old ones than were forgotten.
    """
    old = (await tx.now()) - KEPT
    some = select(OUTBOX.c.seq).where(OUTBOX.c.sent_at < old).limit(AT_ONCE)
    return (await tx.execute(delete(OUTBOX).where(OUTBOX.c.seq.in_(some)))).rowcount >= AT_ONCE


async def _last_of_the_old(tx: Tx) -> tuple[str, Mark] | None:
    """The topic and the place of the last event that the broker need not keep any more."""
    old = select(OUTBOX).where(OUTBOX.c.sent_at < (await tx.now()) - KEPT_BY_BROKER)
    row = await tx.row(old.order_by(OUTBOX.c.sent_at.desc(), OUTBOX.c.seq.desc()).limit(1))
    if row is None:
        return None
    return row["topic"], Mark(position=row["position"], incarnation=row["incarnation"])


async def _mark(tx: Tx, rows: Sequence[RowMapping], marks: Sequence[Mark], epoch: int) -> None:
    statement = (
        update(OUTBOX)
        .where(OUTBOX.c.seq == bindparam("at"), lease.still_held(LEASE_NAME, epoch))
        .values(
            sent_at=utc_now(),
            incarnation=bindparam("in_log"),
            position=bindparam("at_position"),
        )
    )
    await tx.execute(
        statement,
        [
            {"at": row["seq"], "in_log": mark.incarnation, "at_position": mark.position}
            for row, mark in zip(rows, marks, strict=True)
        ],
    )


def _message(row: RowMapping, service: str) -> Message:
    event_id: UUID = row["event_id"]
    return Message(
        event_id=event_id,
        type=row["type"],
        source=service,
        topic=row["topic"],
        key=row["key"],
        time=row["time"],
        traceparent=row["traceparent"],
        data=row["data"],
    )
