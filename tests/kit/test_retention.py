"""Old rows are deleted a few at a time: others work meanwhile, and nothing is left in the end."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select

from roadbike.kit.db import Database, bulk
from roadbike.kit.db.bulk import CLEANUP_BATCH
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.inbox import INBOX, INBOX_RETENTION
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.retention import delete_old_rows
from tests.kit.outbox_helpers import publish_increments

OLD = 6 * CLEANUP_BATCH
YOUNG = 5
INSERT = bulk.Insert(INBOX, ["topic", "event_id", "received_at"], lambda insert: insert)


async def add_received(db: Database, rows: int, age: timedelta) -> None:
    async with db.begin() as tx:
        at = await tx.now() - age
        for first in range(0, rows, CLEANUP_BATCH):
            some = min(CLEANUP_BATCH, rows - first)
            times = [at - timedelta(microseconds=first + number) for number in range(some)]
            row = {"topic": "bike.stock"}
            await INSERT.execute(
                tx, [row | {"event_id": new_id(), "received_at": time} for time in times]
            )


async def count(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.scalar(select(func.count()).select_from(INBOX)))


async def test_others_write_while_old_rows_are_deleted_until_none_is_left(db: Database) -> None:
    await add_received(db, OLD, INBOX_RETENTION + timedelta(minutes=1))
    await add_received(db, YOUNG, INBOX_RETENTION - timedelta(minutes=1))
    deleting = asyncio.create_task(delete_old_rows(db))
    seen = []

    while not deleting.done():
        await publish_increments(db, "meanwhile")
        seen.append(await count(db))
    await deleting

    assert seen[-1] == await count(db) == YOUNG
    steps = sorted(set(seen), reverse=True)
    assert len(steps) > 2  # written between two steps, not before or after all of them
    async with db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(OUTBOX)) == len(seen)


async def test_two_replicas_delete_at_the_same_time(
    db: Database, open_database: Callable[[str], Database], database_url: str
) -> None:
    await add_received(db, OLD, INBOX_RETENTION + timedelta(minutes=1))

    await asyncio.gather(delete_old_rows(db), delete_old_rows(open_database(database_url)))
    await delete_old_rows(db)  # what one replica left to the other

    assert await count(db) == 0
