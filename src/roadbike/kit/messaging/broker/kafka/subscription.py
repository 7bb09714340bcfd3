"""The subscription port on a Kafka consumer group: a low-water mark for each partition."""

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import islice
from math import inf
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, TopicPartition

from roadbike.kit.messaging.broker.kafka.connection import FAILURES, Connector, reason_of
from roadbike.kit.messaging.broker.kafka.envelope import message_of
from roadbike.kit.messaging.broker.kafka.options import Membership
from roadbike.kit.messaging.broker.kafka.reader import lost_events
from roadbike.kit.messaging.broker.kafka.waiting import PAUSE_SECONDS, Waiting
from roadbike.kit.messaging.broker.kafka.window import Window, last_acknowledged
from roadbike.kit.messaging.broker.port import (
    BrokerUnavailable,
    Progress,
    Received,
    Subscription,
)

log = structlog.get_logger()

SLICE_SECONDS: Final = 2.0  # of a long wait, so that a topic that was made again is noticed


class KafkaSubscription(Subscription):
    """The subscription of a group to a topic; a KafkaBroker has one for each pair."""

    def __init__(self, connector: Connector, group: str, topic: str, member: Membership) -> None:
        self._connector, self._topic, self._member = connector, topic, member
        self._group_id = member.group_id(group, topic)
        self._consumer: AIOKafkaConsumer | None = None
        self._topic_id = ""
        self._closed = False
        self._windows: dict[TopicPartition, Window] = {}
        self._unchecked: set[TopicPartition] = set()
        self._opening, self._fetching = asyncio.Lock(), asyncio.Lock()
        self._waiting = Waiting()

    async def open(self) -> AIOKafkaConsumer:
        """Return the consumer of the topic as it is now. Raises BrokerUnavailable, TopicMissing."""
        async with self._opening:
            if self._closed:  # a new member would keep its partitions, and nobody would fetch
                raise BrokerUnavailable("the connection is closed")
            self._connector.admin()
            known = self._connector.topics.get(self._topic)
            if self._consumer is None or known is None or known.id != self._topic_id:
                topic = await self._connector.topic(self._topic)
                if self._consumer is None or topic.id != self._topic_id:
                    await self._replace_consumer(topic.id)
            assert self._consumer is not None
            return self._consumer

    async def fetch(self, at_most: int, wait: float) -> list[Received]:
        async with self._fetching:
            deadline = time.monotonic() + wait
            while True:
                await self._connector.wait_until_connected(deadline - time.monotonic())
                consumer = await self.open()
                if again := self._due(at_most):
                    return again
                left = deadline - time.monotonic()
                fetched = await self._poll(consumer, at_most, max(left, 0))
                if not fetched:
                    await self._commit()  # it may have passed what is no message
                if fetched or time.monotonic() >= deadline:
                    return fetched

    async def ack(self, received: Sequence[Received]) -> None:
        for each in received:
            if isinstance(each.handle, Window):
                each.handle.ack(each.position)
        self._waiting.end()
        await self._commit()

    async def nak(self, received: Sequence[Received], delay: float) -> None:
        due = time.monotonic() + delay
        for each in received:
            if isinstance(each.handle, Window):
                each.handle.nak(each.position, due)
        self._waiting.end()

    async def lag(self) -> int:
        return (await self.progress()).backlog

    async def progress(self) -> Progress:
        await self.open()
        topic = self._connector.topics.get(self._topic) or await self._connector.topic(self._topic)
        places = [TopicPartition(self._topic, number) for number in topic.numbers]
        ends = await self._connector.call(self._connector.asking().end_offsets(places))
        lows = await self._lows(places)
        done = {place: self._done(place, low) for place, (low, _) in lows.items()}
        return Progress(
            incarnation=topic.id,
            ends={place.partition: end for place, end in ends.items()},
            done={place.partition: offset for place, offset in done.items()},
            backlog=sum(max(ends[place] - low, 0) + more for place, (low, more) in lows.items()),
        )

    async def close(self) -> None:
        """Let other members of the group fetch what is not acknowledged here."""
        self._closed = True
        async with self._opening:
            await self._commit()
            await self._drop_consumer()

    def _done(self, place: TopicPartition, read: int) -> int:
        """Return up to where the group has acknowledged a partition that is read so far."""
        window = self._windows.get(place)
        return read if window is None or window.low is None else window.low

    async def _lows(
        self, places: Sequence[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Return up to which offset each partition is read, and how much of that is not done."""
        own = {
            place: (window.position, window.unacknowledged)
            for place, window in self._windows.items()
            if window.position is not None
        }
        others = [place for place in places if place not in own]
        if not others:
            return own
        committed = await self._committed(others)
        begins = await self._connector.call(self._connector.asking().beginning_offsets(others))
        read = {place: committed[place].offset for place in committed}
        return own | {place: (max(read.get(place, 0), begins[place]), 0) for place in others}

    async def _committed(
        self, places: Sequence[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        asking = self._connector.admin().list_consumer_group_offsets(
            self._group_id, partitions=list(places)
        )
        found: dict[TopicPartition, OffsetAndMetadata] = await self._connector.call(asking)
        return {place: each for place, each in found.items() if each.offset >= 0}

    async def _replace_consumer(self, topic_id: str) -> None:
        await self._drop_consumer()
        consumer = AIOKafkaConsumer(
            **self._connector.access.consumer(self._connector.service, self._connector.timeout),
            **self._member.options,
            group_id=self._group_id,
        )
        try:
            await self._connector.call(consumer.start())
            # after the start, which would wait until the other members have agreed on partitions
            consumer.subscribe([self._topic], listener=_Assignments(self))
        except BaseException:
            self._connector.close_later(consumer.stop())
            raise
        self._consumer, self._topic_id = consumer, topic_id

    async def _drop_consumer(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            with suppress(BrokerUnavailable):
                await self._connector.call(consumer.stop())
        self._windows.clear()

    async def _poll(
        self, consumer: AIOKafkaConsumer, at_most: int, seconds: float
    ) -> list[Received]:
        """Return new messages; wait for the first one at most that long, or some time less."""
        until_due = min((each.next_due() for each in self._windows.values()), default=inf)
        seconds = min(seconds, SLICE_SECONDS, max(until_due - time.monotonic(), 0))
        # not those of consumer.assignment(): during a rebalance it still has the lost partitions
        places = [place for place, window in self._windows.items() if window.takes_more]
        try:
            await self._check_log(consumer)
            fetched = await self._waiting.get_many(consumer, places, at_most, seconds)
            received = [
                self._deliver(place, record)
                for place, records in fetched.items()
                for record in records
            ]
            await self._advance(consumer)
        except FAILURES as error:
            await self._drop_consumer()
            raise BrokerUnavailable(reason_of(error)) from error
        return received

    async def _check_log(self, consumer: AIOKafkaConsumer) -> None:
        """Begin a partition again whose log does not have what this group has acknowledged.

        It came back from an older disk: what is appended now has offsets that were used before.
        """
        unchecked = sorted(self._unchecked & consumer.assignment())
        if not unchecked:
            return
        committed = await self._committed(unchecked)
        notes = {
            place: dict([note])
            for place in committed
            if (note := last_acknowledged(committed[place].metadata)) is not None
        }
        lost = await lost_events(self._connector, notes) if notes else []
        for place, noted in notes.items():
            if not set(noted.values()).isdisjoint(lost):
                log.error("group.starts_over", topic=self._topic, partition=place.partition)
                await consumer.seek_to_beginning(place)
        self._unchecked.difference_update(unchecked)

    async def _advance(self, consumer: AIOKafkaConsumer) -> None:
        for place, window in list(self._windows.items()):
            if window.takes_more and place in consumer.assignment():
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE_SECONDS):
                        window.advance(await consumer.position(place))

    def _due(self, at_most: int) -> list[Received]:
        now = time.monotonic()
        windows = self._windows.values()
        return list(islice((each for window in windows for each in window.due(now)), at_most))

    def _deliver(self, place: TopicPartition, record: ConsumerRecord) -> Received:
        window = self._windows[place]
        received = Received(
            message=message_of(record),
            partition=place.partition,
            position=record.offset + 1,
            deliveries=1,
            handle=window,
        )
        return window.deliver(received, time.monotonic())

    async def _commit(self) -> None:
        """Commit the low-water marks that are new; without success they stay new."""
        wanted = {
            place: (window, *window.to_commit)
            for place, window in self._windows.items()
            if window.to_commit
        }
        if not wanted or self._consumer is None or not self._connector.connected:
            return
        offsets = {place: OffsetAndMetadata(low, note) for place, (_, low, note) in wanted.items()}
        with suppress(BrokerUnavailable):
            await self._connector.call(self._consumer.commit(offsets))
            for window, low, _ in wanted.values():
                window.committed = low

    async def revoked(self, places: Collection[TopicPartition]) -> None:
        """Forget what was fetched from these partitions: another member goes on with them."""
        await self._commit()
        for place in places:
            self._windows.pop(place, None)

    def assigned(self, places: Collection[TopicPartition]) -> None:
        """Take over these partitions; they are all that this member has from now on."""
        self._windows = {place: Window(self._member.ack_wait) for place in places}
        self._unchecked = set(places)
        self._waiting.end()


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Calls a subscription when the partitions of its member change."""

    def __init__(self, subscription: KafkaSubscription) -> None:
        self._subscription = subscription

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._subscription.revoked(revoked)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._subscription.assigned(assigned)
