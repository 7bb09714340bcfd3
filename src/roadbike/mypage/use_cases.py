"""The use cases of my page: project every purchase event, and rebuild the projection."""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Message
from roadbike.mypage import domain, store

REBUILD_BATCH: Final = 500  # ids that the rebuild reads at a time


async def follow_purchase(tx: Tx, event: AnyPurchaseEvent, message: Message) -> None:
    """Store the event and apply it to its purchase."""
    purchase = await store.locked_or_new(tx, event.reservation_id, event.bike_id)
    store.add_event(tx, event, message)
    applied = domain.apply(purchase, event)
    if applied != purchase:
        store.save(tx, applied)


async def prefetch(tx: Tx, events: Sequence[AnyPurchaseEvent]) -> None:
    """Lock the purchases that a batch of events concerns, in one statement."""
    await store.lock_all(tx, [event.reservation_id for event in events])


async def rebuild(
    db: Database, on_progress: Callable[[int, int], None], batch: int = REBUILD_BATCH
) -> None:
    """Project every purchase again from its stored events, while the service runs.

    on_progress: called after each purchase with the number done and the number in all.
    """
    async with db.read() as tx:
        total = await store.count_purchases_with_events(tx)
    done = 0
    async for reservation_id in _purchases_with_events(db, batch):
        await db.transact(partial(rebuild_purchase, reservation_id=reservation_id))
        done += 1
        on_progress(done, max(done, total))


async def rebuild_purchase(tx: Tx, reservation_id: UUID) -> None:
    """Project one purchase again.

    The lock comes first, then the events: what is consumed meanwhile waits for the lock.
    """
    present = await store.locked(tx, reservation_id)
    stored = await store.events_of(tx, reservation_id)
    projected = domain.project(
        [one.event for one in stored], row_version=present.row_version if present else 0
    )
    if projected != present:
        store.save(tx, projected)


async def _purchases_with_events(db: Database, batch: int) -> AsyncIterator[UUID]:
    last: UUID | None = None
    while True:
        async with db.read() as tx:
            ids = await store.purchases_with_events(tx, after=last, limit=batch)
        if not ids:
            return
        for last in ids:
            yield last
