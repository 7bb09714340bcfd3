"""The wait of a member for messages, which ends early when its partitions change."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.structs import TopicPartition

PAUSE_SECONDS: Final = 0.02  # for what needs no answer of the server
NOWHERE: Final = TopicPartition("", -1)  # a fetch from there raises what has failed meanwhile


class Waiting:
    """One fetch of a consumer after the other."""

    def __init__(self) -> None:
        self._timeout: asyncio.Timeout | None = None

    async def get_many(
        self,
        consumer: AIOKafkaConsumer,
        places: Collection[TopicPartition],
        at_most: int,
        seconds: float,
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Return records of these partitions; wait for the first one, at most that long.

        There are none after `end`, and while the members of the group agree on their partitions:
        aiokafka waits as long as that takes. Raises what aiokafka does.
        """
        fetched: dict[TopicPartition, list[ConsumerRecord]] = {}
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds + PAUSE_SECONDS) as self._timeout:
                    if not places:  # not by the consumer, which would look for some all the time
                        await asyncio.sleep(seconds)
                    fetched = await consumer.getmany(
                        *(places or [NOWHERE]),
                        timeout_ms=int(seconds * 1000) if places else 0,
                        max_records=at_most,
                    )
        finally:
            self._timeout = None
        return fetched

    def end(self) -> None:
        """End the wait: there may be other partitions to fetch from."""
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())
