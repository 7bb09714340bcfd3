"""Reads the broker's log back: it must have every event where the outbox says."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, Mark
from roadbike.ops.audit.snapshot import Snapshot

NEWEST: Final = 20_000  # events of each topic that are looked for
AT_ONCE: Final = 32
CONNECT_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.05
SENT: Final = """
    SELECT event_id, service, topic, position, incarnation FROM outbox
    WHERE sent_at IS NOT NULL AND service = :service ORDER BY sent_at DESC, position DESC
    LIMIT :newest
"""


async def find_lost(snapshot: Snapshot, broker: Broker, services: Iterable[str]) -> None:
    """Note in the copy which sent events the broker's log does not have.

    What the log has had and was trimmed of counts as kept. Raises BrokerUnavailable.
    """
    async with asyncio.timeout(CONNECT_SECONDS) as waiting:
        while not broker.connected:  # noqa: ASYNC110  the port has no event for it
            await asyncio.sleep(POLL_SECONDS)
        waiting.reschedule(None)
        for service in services:
            rows = snapshot.rows(SENT, {"service": service, "newest": NEWEST})
            lost = await _lost(broker, rows)
            snapshot.put("lost", [(row[0], service) for row in lost], 2)


async def _lost(broker: Broker, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    # events that were sent together may share a place, which the broker then reads once
    places = [list(place) for _, place in groupby(rows, key=lambda row: row[2:])]
    left, lost = iter(places), []

    async def look() -> None:
        for place in left:  # shared by all: each takes the next one
            for row in place:
                event_id, _, topic, position, incarnation = row
                mark = Mark(position=position, incarnation=incarnation)
                if not await broker.holds(topic, mark, UUID(event_id)):
                    lost.append(row)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(AT_ONCE, len(places))):
            group.create_task(look())
    return lost


def unavailable(error: BaseException) -> str:
    """Return why the broker could not be read."""
    if isinstance(error, BaseExceptionGroup):
        return unavailable(error.exceptions[0])
    return str(error) or type(error).__name__


UNAVAILABLE: Final = (BrokerUnavailable, TimeoutError, ExceptionGroup)
