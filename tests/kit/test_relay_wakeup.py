"""What one replica publishes is sent at once by the replica that has the relay's lease."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import pytest
from sqlalchemy import event, text

from roadbike.kit.db import Database
from roadbike.kit.db.wakeup import Wakeup
from roadbike.kit.messaging.broker.memory import MemoryBroker
from roadbike.kit.messaging.relay import WAKE_SECONDS, Relay
from tests.kit.outbox_helpers import publish_increments, sent_keys, unsent_count
from tests.kit.recording_broker import RecordingBroker

pytestmark = pytest.mark.parametrize("dialect", ["postgresql"])

NEVER_SECONDS: Final = 3600.0  # between two looks without a wake-up
AT_ONCE_SECONDS: Final = 10.0  # on a busy machine
LISTENERS: Final = (
    "FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
)
TERMINATE_LISTENERS: Final = text(f"SELECT pg_terminate_backend(pid) {LISTENERS}")


@pytest.fixture
def other(open_database: Callable[[str], Database], database_url: str) -> Database:
    """The database as another replica uses it."""
    return open_database(database_url)


@asynccontextmanager
async def relaying(db: Database, broker: MemoryBroker) -> AsyncIterator[Relay]:
    relay = Relay(db.background, broker, "tests", poll_seconds=NEVER_SECONDS)
    task = asyncio.create_task(relay.run_forever())
    try:
        yield relay
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await relay.stop()


async def until_all_is_sent(db: Database) -> None:
    async with asyncio.timeout(AT_ONCE_SECONDS):
        while await unsent_count(db):  # noqa: ASYNC110  the database cannot notify this test
            await asyncio.sleep(0.01)


async def connections_that_listen(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.scalar(text(f"SELECT count(*) {LISTENERS}")))


async def test_an_event_of_another_replica_is_sent_at_once(
    db: Database, other: Database, broker: RecordingBroker
) -> None:
    async with relaying(db, broker):
        await publish_increments(db, "a")
        await until_all_is_sent(db)
        async with relaying(other, broker):
            for name in "bcd":
                await publish_increments(other, name)
                await until_all_is_sent(db)

    assert sent_keys(broker) == list("abcd")


async def test_wake_ups_continue_after_the_connection_that_listens_was_lost(
    db: Database, other: Database
) -> None:
    wakeup = Wakeup(db)
    await wakeup.listen()
    async with other.begin() as tx:
        await tx.execute(TERMINATE_LISTENERS)

    async with asyncio.timeout(AT_ONCE_SECONDS):
        while True:
            await wakeup.listen()  # until it notices
            db.clear_outbox_signal()
            await Wakeup(other).send()
            if await db.wait_for_outbox_signal(0.1):
                break
    await wakeup.close()

    assert await connections_that_listen(other) == 0


async def test_a_crowd_of_commits_wakes_the_other_replica_a_few_times(
    db: Database, other: Database, broker: RecordingBroker
) -> None:
    statements: list[str] = []

    async with relaying(db, broker):
        await publish_increments(db, "a")
        await until_all_is_sent(db)
        async with relaying(other, broker):
            await publish_increments(other, "b")
            await until_all_is_sent(db)
            event.listen(
                other.background.engine.sync_engine,
                "before_cursor_execute",
                lambda *a: statements.append(a[2]),
            )
            for _ in range(100):
                other.signal_outbox()
                await asyncio.sleep(0.002)

    looks = [one for one in statements if "lease" in one]
    assert len(looks) <= 1  # the one that releases nothing at the end
    assert len(statements) <= 100 * 0.002 * 20 / WAKE_SECONDS
