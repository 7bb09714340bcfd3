"""The inbox: consumes a batch of messages in one transaction, each message only once.

A message whose envelope is malformed, or that does not come from the only publisher of its event,
is refused (see `refused`). A message that only newer code of this service can process is kept for
it (see `kept`). A message whose use case fails is parked in the service's own database,
and the later messages of its key behind it; the messages of other keys continue. Only failures of
use cases count as failed attempts, an unavailable database does not.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Column, Index, String, Table, Uuid

from roadbike.kit.crash import Crash, never_crash
from roadbike.kit.db import Database, DatabaseUnavailable, RowLocked, Tx, bulk, claims, metadata
from roadbike.kit.db.columns import UtcTime, utc_now
from roadbike.kit.messaging import kept, parked, refused
from roadbike.kit.messaging.batch_log import about, report_consumed
from roadbike.kit.messaging.broker import Message
from roadbike.kit.pure.events import Event, RefusedEvent
from roadbike.kit.trace import tracing

log = structlog.get_logger()

INBOX: Final = Table(
    "inbox",
    metadata,  # ids count per topic: one publisher cannot use up the ids of another
    Column("topic", String(50), primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("received_at", UtcTime, nullable=False, default=utc_now()),
    Index("inbox_received", "received_at"),
)

INBOX_RETENTION: Final = timedelta(days=7)  # of the ids by which repeated messages are recognized


class UnprocessableMessage(Exception):
    """The service has no policy any more for the type of a parked message."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The use case for one type of event.

    decode: turns the data of a message into the event. act: the use case, called with the
    transaction, the event and its message.
    """

    event: type[Event]
    decode: Callable[[bytes], Event]
    act: Callable[[Tx, Any, Message], Awaitable[object]]


Refusal = tuple[Message, str]  # and the reason

# loads the rows that the events of a batch will touch, with few queries
Prefetch = Callable[[Tx, Sequence[Any]], Awaitable[None]]


class Inbox:
    """The consumption of messages by one service, according to its policies.

    Raises ValueError when two policies have the same event: one use case has to do both.
    """

    def __init__(
        self,
        db: Database,
        policies: Sequence[Policy],
        *,
        prefetch: Prefetch | None = None,
        known_types: Collection[str] | None = None,
        crash: Crash = never_crash,
    ) -> None:
        """Consume what the policies name.

        known_types: all types that this code knows, with and without a policy; None: every type.
        """
        self.db = db
        self._policies = _by_type(policies)
        self._prefetch = prefetch
        self.kept = kept.Kept(db, self._policies.keys(), known_types)
        self._crash = crash

    async def consume(self, messages: Sequence[Message]) -> None:
        """Run the use cases for the messages, in one transaction if none of them fails.

        On return their effects are committed, and the messages that failed are parked or refused.
        A message that was consumed before is ignored, as is one that nobody in the group needs.
        Raises DatabaseUnavailable: do not acknowledge the messages, so that they are delivered
        again.
        """
        wanted, refusals, others = self._sorted_out(messages)
        if kept_ones := await self.kept.needed_by_others(others):
            await self.db.transact(partial(_keep, messages=kept_ones))
        if refusals:
            await self.db.transact(partial(_refuse, refusals=refusals))
        if not wanted:
            return
        try:
            consumed = await self.db.transact(partial(self._consume, messages=wanted))
            report_consumed(consumed)
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 one message fails: consume each alone, so that the others do not
            for message in wanted:
                await self._consume_alone(message)
        self._crash("inbox.after_commit")

    async def retry_parked(self, _db: Database) -> None:
        """Retry the due parked messages, of each key in order up to the first failure."""
        async with self.db.read() as tx:
            due = await parked.due(tx)
        for first in due:
            message: Message | None = first
            while message is not None and await self._retry(message):
                async with self.db.read() as tx:
                    message = await parked.next_due(tx, message)

    async def _retry(self, message: Message) -> bool:
        """Return whether the next message of its key may follow now."""
        if await self.kept.is_for_others(message):
            return False
        try:
            is_consumed = await self.db.transact(partial(self._consume_parked, message=message))
            report_consumed([message] if is_consumed else [])
        except RowLocked:
            return False  # later: the messages of other keys do not wait for it
        except DatabaseUnavailable:
            raise
        except RefusedEvent as error:
            await self.db.transact(partial(_refuse_parked, message=message, reason=str(error)))
        except Exception as error:  # noqa: BLE001 any failure of a use case counts
            await self.db.transact(partial(parked.record_failure, message=message, error=error))
            return False
        else:
            return is_consumed
        return True  # it was refused

    def _sorted_out(
        self, messages: Sequence[Message]
    ) -> tuple[list[Message], list[Refusal], list[Message]]:
        """Return the messages with a policy, those whose envelope is reason to refuse, all others.

        Refused ones must not make the batch fail: then each message would cost a transaction.
        """
        wanted, refusals, others = [], [], []
        for message in messages:
            policy = self._policies.get(message.type)
            if not message.type:
                refusals.append((message, "the envelope is malformed"))
            elif policy and (reason := refused.wrong_origin(policy.event, message)):
                refusals.append((message, reason))
            elif policy:
                wanted.append(message)
            elif reason := self._wrong_source(message):
                refusals.append((message, reason))
            else:
                others.append(message)
        return wanted, refusals, others

    def _wrong_source(self, message: Message) -> str | None:
        """Return why an event without a policy is not from the publisher of its topic."""
        known = {policy.event.topic: policy.event.source for policy in self._policies.values()}
        source = known.get(message.topic, message.source)
        return None if source == message.source else f"only {source} publishes on its topic"

    async def _consume_alone(self, message: Message) -> None:
        try:
            consumed = await self.db.transact(partial(self._consume, messages=[message]))
            report_consumed(consumed)
        except DatabaseUnavailable:
            raise
        except RefusedEvent as error:
            await self.db.transact(partial(_refuse, refusals=[(message, str(error))]))
        except Exception as error:
            log.exception("message.failed", **about(message))
            await self.db.transact(partial(self._park, message=message, error=error))

    async def _consume(self, tx: Tx, messages: Sequence[Message]) -> Sequence[Message]:
        """Return the messages that took effect now."""
        fresh = await _not_consumed_before(tx, messages)
        blocked = await parked.blocked_keys(tx, fresh)
        for message in fresh:
            if (message.topic, message.key) in blocked:
                await parked.park(tx, message, "waits behind a parked message of its key")
        free = [message for message in fresh if (message.topic, message.key) not in blocked]
        await self._act(tx, free)
        self._crash("inbox.before_commit")
        return free

    async def _act(self, tx: Tx, messages: Sequence[Message]) -> None:
        in_key_order = sorted(messages, key=lambda message: message.key)  # stable within a key
        policies = [self._policy(message) for message in in_key_order]
        events = [p.decode(m.data) for p, m in zip(policies, in_key_order, strict=True)]
        for event, message in zip(events, in_key_order, strict=True):
            refused.check(event, message)
        if self._prefetch is not None and events:
            await self._prefetch(tx, events)
        for message, policy, event in zip(in_key_order, policies, events, strict=True):
            with tracing(message.traceparent):
                await policy.act(tx, event, message)

    def _policy(self, message: Message) -> Policy:
        if message.type not in self._policies:
            raise UnprocessableMessage(f"this service has no policy for {message.type} any more")
        return self._policies[message.type]

    async def _park(self, tx: Tx, message: Message, error: Exception) -> None:
        if await _not_consumed_before(tx, [message]):
            await parked.park(tx, message, repr(error), attempts=1)

    async def _consume_parked(self, tx: Tx, message: Message) -> bool:
        is_ours = await parked.remove(tx, message)
        if is_ours:
            await claims.wait_briefly(tx)
            await self._act(tx, [message])
        return is_ours


def _by_type(policies: Sequence[Policy]) -> Mapping[str, Policy]:
    by_type = {policy.event.type_name(): policy for policy in policies}
    if len(by_type) < len(policies):
        repeated = Counter(policy.event.type_name() for policy in policies).most_common(1)[0][0]
        raise ValueError(f"an event has one policy, but {repeated} has several")
    return by_type


async def _keep(tx: Tx, messages: Sequence[Message]) -> None:
    await kept.keep(tx, await _not_consumed_before(tx, messages))


async def _refuse(tx: Tx, refusals: Sequence[Refusal]) -> None:
    for message, reason in refusals:
        refused.refuse(tx, message, reason)


async def _refuse_parked(tx: Tx, message: Message, reason: str) -> None:
    if await parked.remove(tx, message):
        refused.refuse(tx, message, reason)


async def delete_received(tx: Tx) -> bool:
    """Delete some ids older than INBOX_RETENTION; return whether more may be left.

    A message that is delivered again after that runs its use case again, which is idempotent.
    """
    limit = (await tx.now()) - INBOX_RETENTION
    return await bulk.delete_some(tx, INBOX, INBOX.c.received_at < limit)


def _in_lock_order(id_: tuple[str, UUID]) -> tuple[str, int]:
    """Sort as UUIDs do, but faster: two replicas may insert the same ids at the same time."""
    topic, event_id = id_
    return topic, event_id.int


async def _not_consumed_before(tx: Tx, messages: Sequence[Message]) -> list[Message]:
    by_id = {(message.topic, message.event_id): message for message in messages}
    in_order = sorted(by_id, key=_in_lock_order)
    rows = [{"topic": topic, "event_id": event_id} for topic, event_id in in_order]
    new = await bulk.insert_new(tx, INBOX, rows)
    return [message for id_, message in by_id.items() if id_ in new]
