"""The relay: sends the events of the outbox to the broker and notes what was sent.

At-least-once: after a crash an event may be sent twice, but is never lost.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import RowMapping, bindparam, func, select, update

from roadbike.kit.crash import Crash, never_crash
from roadbike.kit.db import Database, DatabaseUnavailable, Tx, bulk, lease
from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.ids import new_id
from roadbike.kit.db.wakeup import Wakeup
from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, Mark, Message
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.pace import Pace

log = structlog.get_logger()

RELAY_BATCH: Final = 500  # events sent at once
POLL_SECONDS: Final = 0.5  # for events that another process published without a wake-up
WAKE_SECONDS: Final = 0.05  # at least between two wake-ups of the process that has the lease
RETRY_SECONDS: Final = 0.2  # after the broker or the database was unavailable
LEASE_NAME: Final = "relay"
OUTBOX_RETENTION: Final = timedelta(hours=72)  # of sent events
BROKER_RETENTION: Final = timedelta(hours=1)  # at least; longer while the topic has room
UNSENT: Final = OUTBOX.c.sent_at.is_(None)


class Relay:
    """Sends the outbox of one service, in order per key, while it holds the service's lease.

    Without the lease it wakes the relay that has it, when this process has published something.

    service: the name that messages have as their source.
    poll_seconds: how often it looks without being woken, and asks for the lease.
    """

    def __init__(
        self,
        db: Database,
        broker: Broker,
        service: str,
        *,
        crash: Crash = never_crash,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.db, self.broker, self.service, self.crash = db, broker, service, crash
        self._poll_seconds = poll_seconds
        self._wakeup = Wakeup(db)
        self._holder = str(new_id())
        self._epoch: int | None = None
        self._prolong_at = 0.0  # by the monotonic clock

    async def run_forever(self) -> None:
        """Send events until cancelled; retry while the broker or the database is unavailable."""
        try:
            while True:
                try:
                    await self._relay_and_wait()
                except (BrokerUnavailable, DatabaseUnavailable) as error:
                    log.warning("relay.waiting", reason=str(error))
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self._wakeup.close()

    async def relay_once(self) -> int:
        """Send one batch, the oldest events first; return their number.

        It is 0 while another process holds the lease. Raises BrokerUnavailable,
        DatabaseUnavailable.
        """
        epoch = await self._held_epoch()
        if epoch is None:
            return 0
        self.db.clear_outbox_signal()
        rows = await self._unsent()
        if rows:
            self.crash("relay.before_send")
            marks = await self.broker.send([_message(row, self.service) for row in rows])
            self.crash("relay.after_send")
            await self.db.transact(lambda tx: _note_sent(tx, rows, marks, epoch))
        return len(rows)

    async def trim(self, _db: Database) -> None:
        """Let a nearly full broker delete messages that are older than BROKER_RETENTION."""
        async with self.db.read() as tx:
            found = await _newest_to_trim(tx)
        if self._epoch is not None and found is not None:
            topic, mark = found
            with suppress(BrokerUnavailable):
                await self.broker.trim(topic, mark)

    async def stop(self) -> None:
        """Release the lease, so that another replica can continue at once."""
        if self._epoch is not None:
            with suppress(DatabaseUnavailable):
                await lease.release(self.db, LEASE_NAME, self._holder)

    async def _relay_and_wait(self) -> None:
        pace = Pace()
        sent = await self.relay_once()
        if self._epoch is None:
            await self._wakeup.close()
            await self._wake_the_holder()
            return
        await self._wakeup.listen()
        if sent < RELAY_BATCH:
            if sent:
                await pace.rest()
            await self.db.wait_for_outbox_signal(self._poll_seconds)

    async def _wake_the_holder(self) -> None:
        """Wake it at each signal, until it is time to ask for the lease again."""
        end = time.monotonic() + self._poll_seconds
        while (left := end - time.monotonic()) > 0:
            if await self.db.wait_for_outbox_signal(left):
                self.db.clear_outbox_signal()
                await self._wakeup.send()
                await asyncio.sleep(WAKE_SECONDS)

    async def _held_epoch(self) -> int | None:
        if self._epoch is None or time.monotonic() >= self._prolong_at:
            self._prolong_at = time.monotonic() + lease.TERM.total_seconds() / 2
            self._epoch = await lease.take(self.db, LEASE_NAME, self._holder)
        return self._epoch

    async def _unsent(self) -> Sequence[RowMapping]:
        async with self.db.read() as tx:
            return await tx.rows(
                select(OUTBOX).where(UNSENT).order_by(OUTBOX.c.seq).limit(RELAY_BATCH)
            )


async def count(tx: Tx) -> dict[str, int]:
    """Return `published`, the number of all events so far, and `unsent`, those not sent yet."""
    published = select(func.coalesce(func.max(OUTBOX.c.seq), 0)).scalar_subquery()
    unsent = select(func.count()).where(UNSENT).scalar_subquery()
    # one statement, so that both numbers belong to the same moment
    row = await tx.row(select(published.label("published"), unsent.label("unsent")))
    assert row is not None
    return dict(row)


async def delete_sent(tx: Tx) -> bool:
    """Delete some sent events older than OUTBOX_RETENTION; return whether more may be left.

    Until then they can fill a broker's log again that was lost.
    """
    limit = (await tx.now()) - OUTBOX_RETENTION
    return await bulk.delete_some(tx, OUTBOX.c.seq, OUTBOX.c.sent_at < limit)


async def _newest_to_trim(tx: Tx) -> tuple[str, Mark] | None:
    """Return topic and mark of the newest event that the broker may delete."""
    old = select(OUTBOX).where(OUTBOX.c.sent_at < (await tx.now()) - BROKER_RETENTION)
    row = await tx.row(old.order_by(OUTBOX.c.sent_at.desc(), OUTBOX.c.seq.desc()).limit(1))
    if row is None:
        return None
    return row["topic"], Mark(position=row["position"], incarnation=row["incarnation"])


async def _note_sent(tx: Tx, rows: Sequence[RowMapping], marks: Sequence[Mark], epoch: int) -> None:
    statement = (
        update(OUTBOX)
        .where(OUTBOX.c.seq == bindparam("of_seq"), lease.still_held(LEASE_NAME, epoch))
        .values(
            sent_at=utc_now(),
            incarnation=bindparam("new_incarnation"),
            position=bindparam("new_position"),
        )
    )
    await tx.execute(
        statement,
        [
            {
                "of_seq": row["seq"],
                "new_incarnation": mark.incarnation,
                "new_position": mark.position,
            }
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
