"""A service at work: hearing, telling, doing timed work. HTTP stands beside it (kit.server)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import structlog

from roadbike.kit.crash import crash_points
from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.messaging import parked, relay
from roadbike.kit.messaging.broker import (
    Broker,
    BrokerUnavailable,
    Received,
    Subscription,
    TopicMissing,
)
from roadbike.kit.messaging.inbox import Inbox, delete_received
from roadbike.kit.messaging.pace import Pace
from roadbike.kit.process.service import Service, Timed, every
from roadbike.kit.resilience.batching import Batches

log = structlog.get_logger()

FETCH: Final = 200
FETCH_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.3  # after the broker or the database was away


class Runtime:
    """The running parts of one service beside HTTP."""

    def __init__(self, service: Service, broker: Broker) -> None:
        self.service, self.broker = service, broker
        crash = crash_points(service.settings.crash)
        self.inbox = Inbox(service.db, service.policies, prefetch=service.prefetch, crash=crash)
        self.relay = relay.Relay(service.db, broker, service.name, crash=crash)
        self.failed = asyncio.Event()  # a part has ended that never should
        self._subscriptions: dict[str, Subscription] = {}
        # what came on several topics meanwhile is one transaction
        self._taken: Batches[Sequence[Received], None] = Batches(self._take)

    @property
    def consumes(self) -> Sequence[str]:
        """The topics of the events that it reacts to."""
        return sorted({policy.event.topic for policy in self.service.policies})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All parts at work inside the block; at its end the batch in hand is finished."""
        async with AsyncExitStack() as stack:
            for resource in self.service.resources:
                await stack.enter_async_context(resource)
            tasks = [asyncio.create_task(work, name=name) for name, work in self._work()]
            for task in tasks:
                task.add_done_callback(self._notice)
            try:
                yield
            finally:
                await _stop(tasks)
                await self._taken.rest()
                await self.relay.stop()

    async def status(self) -> dict[str, Any]:
        """How the service stands.

        In a quiet shop all of it is 0 but `told`, the number of events told so far, and that is
        the same when one looks again. `lag` is None while the broker is away.
        """
        async with self.service.db.read() as tx:
            counts = await self._counts(tx)
        return {
            "service": self.service.name,
            "database": self.service.db.dialect,
            "broker": self.broker.connected,
            "lag": await self._lag(),
            **counts,
        }

    async def _counts(self, tx: Tx) -> dict[str, int]:
        own = {name: await count(tx) for name, count in self.service.gauges.items()}
        return {
            **await relay.count(tx),
            "parked": await parked.count(tx, parked.ParkedState.PARKED),
            "dead": await parked.count(tx, parked.ParkedState.DEAD),
            **own,
        }

    async def _lag(self) -> int | None:
        if set(self._subscriptions) != set(self.consumes):
            return None  # not everything it hears is there yet
        try:
            return sum([await s.lag() for s in self._subscriptions.values()])
        except (BrokerUnavailable, TopicMissing):
            return None

    def _work(self) -> list[tuple[str, Any]]:
        timed = [
            every(seconds=1, do=self.inbox.retry_parked),
            every(seconds=60, do=_forget),
            every(seconds=60, do=self.relay.trim),
            *self.service.timed,
        ]
        return [
            *((f"hear {topic}", self._hear(topic)) for topic in self.consumes),
            *((f"every {t.seconds} s", _again_and_again(t, self.service.db)) for t in timed),
            *((("relay", self._tell()),) if self.service.publishes else ()),
        ]

    def _notice(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("part.failed", part=task.get_name(), exc_info=task.exception())
            self.failed.set()

    async def _tell(self) -> None:
        topic = self.service.publishes[0].topic
        await _patiently(lambda: self.broker.declare(topic))
        await self.relay.run_forever()

    async def _hear(self, topic: str) -> None:
        while True:
            subscription = await _patiently(lambda: self.broker.subscribe(self.service.name, topic))
            self._subscriptions[topic] = subscription
            with suppress(BrokerUnavailable, TopicMissing):
                await self._listen(subscription)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _take(self, fetched: Sequence[Sequence[Received]]) -> Sequence[None]:
        await self.inbox.consume([one.message for received in fetched for one in received])
        return [None] * len(fetched)

    async def _listen(self, subscription: Subscription) -> None:
        while True:
            received = await subscription.fetch(FETCH, FETCH_SECONDS)
            if not received:
                continue
            pace = Pace()
            try:
                await self._taken.submit(received)
            except DatabaseUnavailable as error:
                log.warning("inbox.waiting", reason=str(error))
                await subscription.nak(received, PAUSE_SECONDS)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                await subscription.ack(received)
                if len(received) < FETCH:
                    await pace.rest()


async def _forget(db: Database) -> None:
    for forget in (relay.delete_sent, delete_received):
        while await db.transact(forget):
            pass  # there was more than one transaction's worth


async def _again_and_again(timed: Timed, db: Database) -> None:
    while True:
        try:
            await timed.do(db)
        except DatabaseUnavailable as error:
            log.warning("timed.waiting", reason=str(error))
        except Exception:
            log.exception("timed.failed")
        await asyncio.sleep(timed.seconds)


async def _patiently(attempt: Callable[[], Awaitable[Any]]) -> Any:
    while True:
        try:
            return await attempt()
        except (BrokerUnavailable, TopicMissing):
            await asyncio.sleep(PAUSE_SECONDS)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
