"""Sends messages in transactions of one producer, of which a service has one at a time."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from roadbike.kit.messaging.broker.kafka.connection import FAILURES, Connector, reason_of
from roadbike.kit.messaging.broker.kafka.envelope import headers_of
from roadbike.kit.messaging.broker.port import BrokerUnavailable, Mark, Message

BATCH_BYTES: Final = 256 << 10  # of one record batch; a topic takes 1 MiB
REQUEST_BYTES: Final = 1_040_000  # of one message with its headers; below a topic's limit
TRANSACTION_SECONDS: Final = 10  # then the server aborts one that nobody continues
FENCED: Final = (ProducerFenced, InvalidProducerEpoch)


class Sender:
    """The producer of one service. Its transactional id is the service's name.

    The server gives each producer that begins under this id a higher epoch, aborts what the one
    before has not committed, and refuses it from then on.
    """

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._producer: AIOKafkaProducer | None = None
        self._fenced = False
        self._sending = asyncio.Lock()

    async def take_over(self) -> None:
        """Begin a producer of a higher epoch. Raises BrokerUnavailable."""
        async with self._sending:
            self.drop()
            self._fenced = False
            await self._begin()

    async def send(self, messages: Sequence[Message], incarnation: str) -> list[Mark]:
        """Append the messages in one transaction: all or none of them.

        Raises BrokerUnavailable, also when another producer of the service has begun since.
        """
        async with self._sending:
            if self._fenced:
                raise BrokerUnavailable("another process sends the events of this service")
            producer = self._producer or await self._begin()
            try:
                async with asyncio.timeout(self._connector.timeout):
                    return await _send(producer, messages, incarnation)
            except FAILURES as error:
                self.drop()
                self._fenced = isinstance(error, FENCED)
                raise BrokerUnavailable(reason_of(error)) from error
            except BaseException:
                self.drop()
                raise

    async def _begin(self) -> AIOKafkaProducer:
        name, seconds = self._connector.service, self._connector.timeout
        self._connector.admin()  # raises at once while there is no connection
        producer = AIOKafkaProducer(
            **self._connector.access.client(name, seconds),
            acks="all",
            enable_idempotence=True,
            transactional_id=name,
            transaction_timeout_ms=TRANSACTION_SECONDS * 1000,
            max_batch_size=BATCH_BYTES,
            max_request_size=REQUEST_BYTES,
        )
        try:
            await self._connector.call(producer.start())
        except BaseException:
            self._connector.close_later(producer.stop())
            raise
        self._producer = producer
        return producer

    def drop(self) -> None:
        """Give the producer up; what it has not committed is aborted when the next one begins."""
        if self._producer is not None:
            self._connector.close_later(self._producer.stop())
            self._producer = None


async def _send(
    producer: AIOKafkaProducer, messages: Sequence[Message], incarnation: str
) -> list[Mark]:
    await producer.begin_transaction()
    appending = [
        await producer.send(
            message.topic,
            message.data,
            key=message.key.encode(),
            headers=headers_of(message),
            timestamp_ms=int(message.time.timestamp() * 1000),
        )
        for message in messages
    ]
    await asyncio.wait(appending)
    appended = [each.result() for each in appending]
    await producer.commit_transaction()
    return [
        Mark(partition=record.partition, position=record.offset + 1, incarnation=incarnation)
        for record in appended
    ]
