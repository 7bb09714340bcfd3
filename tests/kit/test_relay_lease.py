"""One relay sends at a time; a former holder of the lease changes nothing."""

from sqlalchemy import update

from roadbike.kit.db import Database, Tx
from roadbike.kit.db.lease import LEASE
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.relay import Relay
from tests.kit.outbox_helpers import expire_lease, outbox_rows, publish_increments, unsent_count
from tests.kit.recording_broker import RecordingBroker


async def test_a_second_relay_waits_for_the_end_of_the_lease(
    db: Database, broker: RecordingBroker
) -> None:
    first, second = Relay(db, broker, "tests"), Relay(db, broker, "tests")
    await first.relay_once()
    await publish_increments(db, "a")

    waited = await second.relay_once()
    await expire_lease(db)
    taken_over = await second.relay_once()

    assert (waited, taken_over) == (0, 1)


async def test_after_a_relay_stops_the_next_one_continues_at_once(
    db: Database, broker: RecordingBroker
) -> None:
    first, second = Relay(db, broker, "tests"), Relay(db, broker, "tests")
    await first.relay_once()
    await publish_increments(db, "a")

    await first.stop()

    assert await second.relay_once() == 1


async def test_stopping_a_relay_without_the_lease_does_not_release_it(
    db: Database, broker: RecordingBroker
) -> None:
    first, second, third = (Relay(db, broker, "tests") for _ in range(3))
    await first.relay_once()
    await second.relay_once()
    await publish_increments(db, "a")

    await second.stop()

    assert await third.relay_once() == 0


async def test_a_paused_former_holder_does_not_change_marks(
    db: Database, broker: RecordingBroker
) -> None:
    old, new = Relay(db, broker, "tests"), Relay(db, broker, "tests")
    await publish_increments(db, "a")

    async def overtake() -> None:
        await expire_lease(db)
        await new.relay_once()
        async with db.begin() as tx:  # another mark than that of the old holder
            await tx.execute(update(OUTBOX).values(position=99))

    broker.during_send = overtake
    await old.relay_once()

    (row,) = await outbox_rows(db)
    assert row["position"] == 99


async def test_events_sent_by_a_former_holder_are_sent_again_and_marked_by_the_new_one(
    db: Database, broker: RecordingBroker
) -> None:
    old, new = Relay(db, broker, "tests"), Relay(db, broker, "tests")
    await publish_increments(db, "a")

    async def lose_the_lease() -> None:
        await expire_lease(db)
        await db.transact(take_over)

    broker.during_send = lose_the_lease
    await old.relay_once()
    unsent = await unsent_count(db)
    await expire_lease(db)
    await new.relay_once()

    assert (unsent, await unsent_count(db)) == (1, 0)
    assert len(set(broker.attempted_ids())) == 1


async def take_over(tx: Tx) -> None:
    await tx.execute(update(LEASE).values(holder="another relay", epoch=LEASE.c.epoch + 1))
