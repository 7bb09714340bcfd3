"""The relay: sends the events of the outbox to the broker and notes what was sent.

At-least-once: after a crash an event may be sent twice, but is never lost.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog

from roadbike.kit.crash import Crash, never_crash
from roadbike.kit.db import Database, DatabaseUnavailable, lease
from roadbike.kit.db.ids import new_id
from roadbike.kit.db.statements import Row
from roadbike.kit.db.wakeup import Wakeup
from roadbike.kit.logs import SELDOM
from roadbike.kit.messaging import sent
from roadbike.kit.messaging.batch_log import report_sent
from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, Mark, Message, TopicFull
from roadbike.kit.messaging.broker_log import BrokerLog
from roadbike.kit.messaging.pace import Pace

log = structlog.get_logger()

RELAY_BATCH: Final = 500  # events sent at once
REPLICA_LENGTH: Final = 40  # of a name in the lease
POLL_SECONDS: Final = 0.5  # for events that another process published without a wake-up
WAKE_SECONDS: Final = 0.05  # at least between two wake-ups of the process that has the lease
RETRY_SECONDS: Final = 0.2  # after the broker or the database was unavailable


class Relay:
    """Sends the outbox of one service, in order per key, while it holds the service's lease.

    Without the lease it wakes the relay that has it, when this process has published something.

    service: the name that messages have as their source.
    replica: the name of this process among those of the service, for those who read the lease.
    poll_seconds: how often it looks without being woken, and asks for the lease.
    """

    def __init__(
        self,
        db: Database,
        broker: Broker,
        service: str,
        *,
        crash: Crash = never_crash,
        replica: str = "",
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.db, self.broker, self.service, self.crash = db, broker, service, crash
        self.log = BrokerLog(db, broker, crash=crash)
        self._poll_seconds = poll_seconds
        self._wakeup = Wakeup(db)
        self._holder = f"{replica[:REPLICA_LENGTH]} {new_id()}".strip()
        self._epoch: int | None = None
        self._sends_in: int | None = None  # the epoch in which the broker knows us as the sender
        self._prolong_at = 0.0  # by the monotonic clock

    async def run_forever(self) -> None:
        """Send events until cancelled; retry while the broker or the database is unavailable."""
        try:
            while True:
                try:
                    await self._relay_and_wait()
                except (BrokerUnavailable, DatabaseUnavailable) as error:
                    log.warning("relay.waiting", reason=str(error), **SELDOM)
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
        await self.log.check(epoch)
        self.db.clear_outbox_signal()
        async with self.db.read() as tx:
            rows = await sent.next_events(tx, RELAY_BATCH)
        return await self._send(rows, epoch) if rows else 0

    async def stop(self) -> None:
        """Release the lease, so that another replica can continue at once."""
        self.db.outbox_rows.close()
        if self._epoch is not None:
            with suppress(DatabaseUnavailable):
                await lease.release(self.db, sent.LEASE_NAME, self._holder)

    async def _send(self, rows: Sequence[Row], epoch: int) -> int:
        self.crash("relay.before_send")
        messages = [_message(row, self.service) for row in rows]
        marks = await self._marks(messages, epoch)
        self.crash("relay.after_send")
        if not self.log.acknowledged(marks):
            return 0
        await self.db.transact(lambda tx: sent.note_sent(tx, rows, marks, epoch))
        self.db.outbox_rows.forget([row["seq"] for row in rows])
        report_sent(messages)
        await self.log.note_sent(rows, marks)
        return len(rows)

    async def _marks(self, messages: Sequence[Message], epoch: int) -> Sequence[Mark]:
        """Send the events; in each epoch, and after each failure, first take over from others."""
        try:
            if self._sends_in != epoch:
                await self.broker.take_over()
                self._sends_in = epoch
            return await self.broker.send(messages)
        except TopicFull:
            await self.log.trim(messages[0].topic)
            raise
        except BrokerUnavailable:
            self._sends_in = None
            raise

    async def _relay_and_wait(self) -> None:
        pace = Pace()
        count = await self.relay_once()
        if self._epoch is None:
            await self._wakeup.close()
            await self._wake_the_holder()
            return
        await self._wakeup.listen()
        if count < RELAY_BATCH:
            if count:
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
            self._epoch = await lease.take(self.db, sent.LEASE_NAME, self._holder)
            self._keep_what_is_published()
        return self._epoch

    def _keep_what_is_published(self) -> None:
        """Let the commits of this process hand over their events, in each epoch that is ours."""
        if self._epoch is None:
            self.db.outbox_rows.close()
        else:
            self.db.outbox_rows.open((self._holder, self._epoch))


def _message(row: Row, service: str) -> Message:
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
