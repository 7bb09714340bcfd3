"""Reads which events stand at which places of partitions, outside of every group."""

from collections.abc import Mapping
from enum import Enum
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from roadbike.kit.messaging.broker.kafka.connection import Connector
from roadbike.kit.messaging.broker.kafka.envelope import message_of
from roadbike.kit.messaging.broker.port import BrokerUnavailable

READ_MS: Final = 4_000  # to wait for the record of an offset that exists, on a busy machine


class Place(Enum):
    """What an offset has instead of an event. DELETED: it was trimmed. EMPTY: there is nothing."""

    DELETED = "deleted"
    EMPTY = "empty"


async def event_at(connector: Connector, place: TopicPartition, offset: int) -> UUID | Place:
    """Return the id of the event at that offset. Raises BrokerUnavailable."""
    consumer = AIOKafkaConsumer(**connector.access.consumer(connector.service, connector.timeout))
    try:
        return await connector.call(_read(consumer, place, offset))
    finally:
        connector.close_later(consumer.stop())


async def lost_events(
    connector: Connector, wanted: Mapping[TopicPartition, Mapping[int, UUID]]
) -> list[UUID]:
    """Return those of the events that their partition does not have at their offset.

    What was deleted by age counts as held. Raises BrokerUnavailable.
    """
    consumer = AIOKafkaConsumer(**connector.access.consumer(connector.service, connector.timeout))
    try:
        await connector.call(consumer.start())
        lost = []
        for place, events in wanted.items():
            lost += await _lost_of(connector, consumer, place, events)
        return lost
    finally:
        connector.close_later(consumer.stop())


async def _lost_of(
    connector: Connector,
    consumer: AIOKafkaConsumer,
    place: TopicPartition,
    events: Mapping[int, UUID],
) -> list[UUID]:
    consumer.assign([place])
    first = (await connector.call(consumer.beginning_offsets([place])))[place]
    end = (await connector.call(consumer.end_offsets([place])))[place]
    left = {offset: each for offset, each in events.items() if offset >= min(first, end)}
    there = [offset for offset in left if first <= offset < end]
    if there:
        consumer.seek(place, at := min(there))
        while at <= max(there):
            fetched = await connector.call(consumer.getmany(place, timeout_ms=READ_MS))
            for record in fetched.get(place, []):
                if left.get(record.offset) == message_of(record).event_id:
                    del left[record.offset]
            before, at = at, await connector.call(consumer.position(place))
            if at == before:
                raise BrokerUnavailable(f"offset {at} of partition {place.partition} was not read")
    return list(left.values())


async def _read(consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> UUID | Place:
    await consumer.start()
    consumer.assign([place])
    first = (await consumer.beginning_offsets([place]))[place]
    end = (await consumer.end_offsets([place]))[place]
    if not first <= offset < end:
        return Place.DELETED if offset < min(first, end) else Place.EMPTY
    consumer.seek(place, offset)
    records = (await consumer.getmany(place, timeout_ms=READ_MS, max_records=1)).get(place, [])
    if records and records[0].offset == offset:
        return message_of(records[0]).event_id
    if records or await consumer.position(place) > offset:
        return Place.EMPTY
    raise BrokerUnavailable(f"offset {offset} of partition {place.partition} was not read")
