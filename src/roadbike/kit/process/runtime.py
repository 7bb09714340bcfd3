"""A running service without its HTTP: consume, relay, timed work (HTTP: process/server.py)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import structlog

from roadbike.kit.crash import crash_points
from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.logs import SELDOM
from roadbike.kit.messaging import kept, parked, refused, relay, retention, sent
from roadbike.kit.messaging.broker import (
    Broker,
    BrokerUnavailable,
    GroupMissing,
    Received,
    Subscription,
    TopicMissing,
)
from roadbike.kit.messaging.catching_up import CatchingUp
from roadbike.kit.messaging.consumed import ANNOUNCE_SECONDS
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.messaging.pace import Pace
from roadbike.kit.process.service import Service, Timed, every
from roadbike.kit.process.status import ServiceStatus
from roadbike.kit.resilience.batching import Batches
from roadbike.kit.trace import tracing

log = structlog.get_logger()

FETCH_SIZE: Final = 200  # messages
FETCH_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.3  # after the broker or the database was unavailable
PARKED_RETRY_SECONDS: Final = 1
CLEANUP_SECONDS: Final = 60


class Runtime:
    """The background work of one service: it consumes, relays and does timed work.

    `failed` is set when a part has ended that should run until it is cancelled.
    """

    def __init__(
        self,
        service: Service,
        broker: Broker,
        known_types: Collection[str] | None = None,
        usable: asyncio.Event | None = None,
    ) -> None:
        """Take the policies of the service; known_types as in Inbox.

        usable: set when the database suits the code; nothing is done before. None: it does.
        """
        self.service, self.broker = service, broker
        self._usable = usable
        crash = crash_points(service.settings.crash)
        db = service.db.background
        self.inbox = Inbox(
            db,
            service.policies,
            prefetch=service.prefetch,
            known_types=known_types,
            crash=crash,
        )
        self.relay = relay.Relay(
            db, broker, service.name, crash=crash, replica=service.settings.replica
        )
        self.catching_up = service.catch_up and CatchingUp(
            db, broker, service.name, self.consumes, service.catch_up
        )
        self.failed = asyncio.Event()
        self._has_announced = asyncio.Event()
        # messages that several topics deliver meanwhile share one transaction
        self._inbox_batches: Batches[Sequence[Received], None] = Batches(self._take)

    @property
    def consumes(self) -> Sequence[str]:
        """Return the topics of the events that the service reacts to."""
        return sorted({policy.event.topic for policy in self.service.policies})

    @property
    def timed(self) -> Sequence[Timed]:
        """Return the timed work of the service, and what kit does in every service."""
        return [
            every(seconds=PARKED_RETRY_SECONDS, do=self.inbox.kept.release),
            every(seconds=PARKED_RETRY_SECONDS, do=self.inbox.retry_parked),
            every(seconds=CLEANUP_SECONDS, do=retention.delete_old_rows),
            *self.service.timed,
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all parts during the block; at its end the present batch is finished."""
        async with AsyncExitStack() as stack:
            for resource in self.service.resources:
                await stack.enter_async_context(resource)
            works = self._work()
            tasks = [
                asyncio.create_task(self._once_usable(work), name=name) for name, work in works
            ]
            for task in tasks:
                task.add_done_callback(self._report_end)
            try:
                yield
            finally:
                await _cancel(tasks)
                for _, work in works:  # one that was not begun
                    work.close()
                await self._inbox_batches.wait_until_idle()
                await self.relay.stop()

    async def status(self) -> ServiceStatus:
        """Return the content of /internal/status, except `ready`, which the server knows.

        Raises DatabaseUnavailable.
        """
        async with self.service.db.background.read() as tx:
            outbox = await sent.count(tx)
            parked_count = await parked.count(tx, parked.ParkedState.PARKED)
            stuck = await parked.count_stuck(tx)
            dead = await parked.count(tx, parked.ParkedState.DEAD)
            kept_count = await kept.count(tx)
            refused_count = await refused.count(tx)
            gauges = {name: await count(tx) for name, count in self.service.gauges.items()}
        lags, missing = await self._in_broker()
        return ServiceStatus(
            service=self.service.name,
            database=self.service.db.dialect,
            broker=self.broker.connected,
            lag=None if lags is None else sum(lags.values()),
            lags=lags or {},
            missing=missing,
            published=outbox["published"],
            unsent=outbox["unsent"],
            unsent_seconds=outbox["unsent_seconds"],
            parked=parked_count,
            stuck=stuck,
            dead=dead,
            kept=kept_count,
            refused=refused_count,
            gauges=gauges,
        )

    async def _in_broker(self) -> tuple[dict[str, int] | None, int]:
        """Return the lag of each topic, and how many topics and groups are missing.

        The lag is None while it is unknown.
        """
        lags: dict[str, int] = {}
        missing = 0
        try:
            for topic in self.consumes:
                try:
                    subscription = await self.broker.subscribe(self.service.name, topic)
                    lags[topic] = await subscription.lag()
                except (TopicMissing, GroupMissing) as error:
                    missing += self._report_missing(str(error), topic)
            for topic in {event.topic for event in self.service.publishes}:
                if not await self.broker.exists(topic):
                    missing += self._report_missing("the topic of this service", topic)
        except BrokerUnavailable:
            return None, missing
        return None if missing else lags, missing

    def _report_missing(self, what: str, topic: str) -> int:
        log.error("broker.missing", what=what, topic=topic, **SELDOM)
        return 1

    def _work(self) -> list[tuple[str, Any]]:
        return [
            ("announce", self._announce()),
            *((("catch up", self.catching_up.run_forever()),) if self.catching_up else ()),
            *((f"consume {topic}", self._consume(topic)) for topic in self.consumes),
            *((f"every {t.seconds} s", _repeat(t, self.service.db.background)) for t in self.timed),
            *((("relay", self.relay.run_forever()),) if self.service.publishes else ()),
        ]

    async def _once_usable(self, work: Coroutine[Any, Any, None]) -> None:
        if self._usable is not None:
            await self._usable.wait()
        await work

    def _report_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("part.failed", part=task.get_name(), exc_info=task.exception())
            self.failed.set()

    async def _announce(self) -> None:
        while True:
            try:
                await self.inbox.kept.announce()
            except DatabaseUnavailable as error:
                log.warning("announcing.waiting", reason=str(error), **SELDOM)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._has_announced.set()
                await asyncio.sleep(ANNOUNCE_SECONDS)

    async def _consume(self, topic: str) -> None:
        await self._has_announced.wait()
        if self.catching_up:
            await self.catching_up.looked.wait()
        while True:
            subscription = await _once_available(
                lambda: self.broker.subscribe(self.service.name, topic)
            )
            try:
                await self._fetch_and_take(subscription)
            except BrokerUnavailable as error:
                log.warning("consuming.waiting", topic=topic, reason=str(error), **SELDOM)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _take(self, fetched: Sequence[Sequence[Received]]) -> Sequence[None]:
        await self.inbox.consume([each.message for received in fetched for each in received])
        return [None] * len(fetched)

    async def _fetch_and_take(self, subscription: Subscription) -> None:
        while True:
            received = await subscription.fetch(FETCH_SIZE, FETCH_SECONDS)
            if not received:
                continue
            pace = Pace()
            try:
                await self._inbox_batches.submit(received)
            except DatabaseUnavailable as error:
                log.warning("inbox.waiting", reason=str(error), **SELDOM)
                await subscription.nak(received, PAUSE_SECONDS)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                await subscription.ack(received)
                if len(received) < FETCH_SIZE:
                    await pace.rest()
                elif self.catching_up:
                    self.catching_up.note_full_batch()


async def _repeat(timed: Timed, db: Database) -> None:
    while True:
        try:
            with tracing(None):  # what one run logs and publishes belongs together
                await timed.do(db)
        except DatabaseUnavailable as error:
            log.warning("timed.waiting", reason=str(error), **SELDOM)
        except Exception:
            log.exception("timed.failed", **SELDOM)
        await asyncio.sleep(timed.seconds)


async def _once_available(attempt: Callable[[], Awaitable[Any]]) -> Any:
    """Return the attempt's result; repeat it until the broker is available and has the topic."""
    while True:
        try:
            return await attempt()
        except BrokerUnavailable:  # TopicMissing and GroupMissing are, too
            await asyncio.sleep(PAUSE_SECONDS)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
