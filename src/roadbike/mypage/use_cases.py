"""Keep every purchase up to date, and fold it anew when asked."""

from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Final
from uuid import UUID

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Message
from roadbike.mypage import domain, store

READ_AHEAD: Final = 500  # ids of the purchases to be rebuilt next


async def follow_purchase(tx: Tx, event: AnyPurchaseEvent, message: Message) -> None:
    """Keep what was heard and fold it into its purchase."""
    known = await store.locked(tx, event.reservation_id) or domain.begun(event)
    store.keep(tx, event, message)
    followed = domain.apply(known, event)
    if followed != known:
        store.save(tx, followed)


async def lock_purchases(tx: Tx, events: Iterable[AnyPurchaseEvent]) -> None:
    """Load at once what a batch of messages will touch."""
    await store.lock_all(tx, [event.reservation_id for event in events])


async def rebuild(
    db: Database, on_progress: Callable[[int, int], None], read_ahead: int = READ_AHEAD
) -> None:
    """Fold every purchase's kept events anew into its row, while serving.

    `on_progress` is told after each how many are done, and of how many.
    """
    async with db.read() as tx:
        total = await store.count_kept(tx)
    done = 0
    async for reservation_id in _kept(db, read_ahead):
        await db.transact(partial(rebuild_purchase, reservation_id=reservation_id))
        done += 1
        on_progress(done, max(done, total))


async def rebuild_purchase(tx: Tx, reservation_id: UUID) -> None:
    """One purchase, under the lock that live events take: first the lock, then its events."""
    present = await store.locked(tx, reservation_id)
    kept = await store.kept_of(tx, reservation_id)
    folded = domain.fold(
        [one.event for one in kept], row_version=present.row_version if present else 0
    )
    if folded != present:
        store.save(tx, folded)


async def _kept(db: Database, read_ahead: int) -> AsyncIterator[UUID]:
    last: UUID | None = None
    while True:
        async with db.read() as tx:
            ids = await store.kept_after(tx, last, read_ahead)
        if not ids:
            return
        for last in ids:
            yield last
