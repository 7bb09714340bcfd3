"""Reads the broker's log back: it must have every event where the outbox says."""

import asyncio
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from roadbike.kit.messaging import sent
from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, Mark
from roadbike.ops.audit.snapshot import Snapshot

NEWEST: Final = 20_000  # events of each topic that are looked for
CONNECT_SECONDS: Final = 15.0
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
            by_topic: dict[str, list[tuple[Mark, UUID]]] = {}
            for event_id, _, topic, position, incarnation in rows:
                mark = sent.mark_of({"position": position, "incarnation": incarnation})
                by_topic.setdefault(topic, []).append((mark, UUID(event_id)))
            lost = [
                event_id
                for topic, events in by_topic.items()
                for event_id in await broker.lost(topic, events)
            ]
            snapshot.put("lost", [(str(event_id), service) for event_id in lost], 2)


def unavailable(error: BaseException) -> str:
    """Return why the broker could not be read."""
    if isinstance(error, BaseExceptionGroup):
        return unavailable(error.exceptions[0])
    return str(error) or type(error).__name__


UNAVAILABLE: Final = (BrokerUnavailable, TimeoutError, ExceptionGroup)
