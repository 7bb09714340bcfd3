"""Events in: a batch of messages is one transaction, and no message takes effect twice.

What a handler fails on is parked in the service's own database, with the later messages of its
key, so that the rest flows on. Only failures of handlers are counted, never an away database.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Column, Index, Table, Uuid, delete, select

from roadbike.kit.crash import Crash, never
from roadbike.kit.db import Database, DatabaseUnavailable, Tx, metadata
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import UtcTime, utc_now
from roadbike.kit.messaging import parked
from roadbike.kit.messaging.broker import Message
from roadbike.kit.pure.events import Event
from roadbike.kit.trace import tracing

log = structlog.get_logger()

INBOX: Final = Table(
    "inbox",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("received_at", UtcTime, nullable=False, default=utc_now()),
    Index("inbox_received", "received_at"),
)

KEPT: Final = timedelta(days=7)
AT_ONCE: Final = 10_000  # forgotten in one transaction


class UnprocessableMessage(Exception):
    """A message that no use case of this service can be given."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Whenever this happens, do that."""

    event: type[Event]
    decode: Callable[[bytes], Event]
    act: Callable[[Tx, Any, Message], Awaitable[object]]


Prefetch = Callable[[Tx, Sequence[Any]], Awaitable[None]]  # its events: those of the policies


class Inbox:
    """What one service does with the messages it hears.

    Raises ValueError when two policies react to one event: one use case has to do both.
    """

    def __init__(
        self,
        db: Database,
        policies: Sequence[Policy],
        *,
        prefetch: Prefetch | None = None,
        crash: Crash = never,
    ) -> None:
        self.db = db
        self._policies = _by_type(policies)
        self._prefetch = prefetch
        self._crash = crash

    async def take(self, messages: Sequence[Message]) -> None:
        """Let the messages take effect, once each; durable when this returns.

        Raises DatabaseUnavailable, and then nothing has happened.
        """
        heard = [message for message in messages if self._heard(message)]
        if not heard:
            return
        try:
            await self.db.transact(partial(self._apply, messages=heard))
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 one of them fails: find out which, and let the others through
            for message in heard:
                await self._take_alone(message)
        self._crash("inbox.after_commit")

    async def retry_parked(self, _db: Database) -> None:
        """Try what is parked and due again: each key in its order, up to its first failure."""
        async with self.db.read() as tx:
            due = await parked.due(tx)
        for first in due:
            message: Message | None = first
            while message is not None and await self._retry(message):
                async with self.db.read() as tx:
                    message = await parked.next_due(tx, message.key)

    async def _retry(self, message: Message) -> bool:
        try:
            await self.db.transact(partial(self._apply_parked, message=message))
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 a handler's failure is counted, whatever it is
            await self.db.transact(partial(parked.failed, message=message, error=error))
            return False
        return True

    def _heard(self, message: Message) -> bool:
        return message.type in self._policies or not message.type

    async def _take_alone(self, message: Message) -> None:
        try:
            await self.db.transact(partial(self._apply, messages=[message]))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.exception("message.failed", type=message.type, key=message.key)
            await self.db.transact(partial(self._park, message=message, error=error))

    async def _apply(self, tx: Tx, messages: Sequence[Message]) -> None:
        fresh = await _first_seen(tx, messages)
        blocked = await parked.blocked_keys(tx, [message.key for message in fresh])
        for message in fresh:
            if message.key in blocked:
                await parked.park(tx, message, "behind another parked message of its key")
        await self._act(tx, [message for message in fresh if message.key not in blocked])
        self._crash("inbox.before_commit")

    async def _act(self, tx: Tx, messages: Sequence[Message]) -> None:
        in_key_order = sorted(messages, key=lambda message: message.key)  # stable within a key
        policies = [self._policy(message) for message in in_key_order]
        events = [p.decode(m.data) for p, m in zip(policies, in_key_order, strict=True)]
        if self._prefetch is not None and events:
            await self._prefetch(tx, events)
        for message, policy, event in zip(in_key_order, policies, events, strict=True):
            with tracing(message.traceparent):
                await policy.act(tx, event, message)

    def _policy(self, message: Message) -> Policy:
        if not message.type:
            raise UnprocessableMessage("the envelope cannot be read")
        if message.type not in self._policies:
            raise UnprocessableMessage(f"nobody here reacts to {message.type} any more")
        return self._policies[message.type]

    async def _park(self, tx: Tx, message: Message, error: Exception) -> None:
        if await _first_seen(tx, [message]):
            await parked.park(tx, message, repr(error), attempts=1)

    async def _apply_parked(self, tx: Tx, message: Message) -> None:
        if await parked.take_out(tx, message):
            await self._act(tx, [message])


def _by_type(policies: Sequence[Policy]) -> Mapping[str, Policy]:
    by_type = {policy.event.type_name(): policy for policy in policies}
    if len(by_type) < len(policies):
        twice = Counter(policy.event.type_name() for policy in policies).most_common(1)[0][0]
        raise ValueError(f"one reaction to one event, but {twice} has two")
    return by_type


async def delete_received(tx: Tx) -> bool:
    """Inbox rows are kept for 7 days; after that the reactions' own state answers a repeat.

    Whether there may be more old ones than were forgotten.
    """
    old = (await tx.now()) - KEPT
    some = select(INBOX.c.event_id).where(INBOX.c.received_at < old).limit(AT_ONCE)
    return (await tx.execute(delete(INBOX).where(INBOX.c.event_id.in_(some)))).rowcount >= AT_ONCE


async def _first_seen(tx: Tx, messages: Sequence[Message]) -> list[Message]:
    by_id = {message.event_id: message for message in messages}
    new = await insert_new(tx, INBOX, [{"event_id": event_id} for event_id in sorted(by_id)])
    return [message for event_id, message in by_id.items() if event_id in new]
