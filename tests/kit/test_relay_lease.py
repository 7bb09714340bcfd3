"""One relay at a time, and an old holder of the lease does no harm."""

from sqlalchemy import update

from roadbike.kit.db import Database, Tx
from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.lease import LEASE
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.messaging.relay import Relay
from tests.kit.brokers import WatchedBroker
from tests.kit.telling import expire_lease, outbox, tell_of, unpublished


async def test_a_second_relay_waits_until_the_lease_is_over(
    db: Database, broker: WatchedBroker
) -> None:
    first, second = Relay(db, broker, "tests"), Relay(db, broker, "tests")
    await first.relay_once()
    await tell_of(db, "a")

    waited = await second.relay_once()
    await expire_lease(db)
    taken_over = await second.relay_once()

    assert (waited, taken_over) == (0, 1)


async def test_a_relay_that_stops_lets_the_next_one_go_on_at_once(
    db: Database, broker: WatchedBroker
) -> None:
    first, second = Relay(db, broker, "tests"), Relay(db, broker, "tests")
    await first.relay_once()
    await tell_of(db, "a")

    await first.stop()

    assert await second.relay_once() == 1


async def test_a_relay_that_never_held_the_lease_gives_nothing_back(
    db: Database, broker: WatchedBroker
) -> None:
    first, second, third = (Relay(db, broker, "tests") for _ in range(3))
    await first.relay_once()
    await second.relay_once()
    await tell_of(db, "a")

    await second.stop()

    assert await third.relay_once() == 0


async def test_the_mark_of_a_paused_old_holder_changes_nothing(
    db: Database, broker: WatchedBroker
) -> None:
    old, new = Relay(db, broker, "tests"), Relay(db, broker, "tests")
    await tell_of(db, "a")

    async def overtake() -> None:
        await expire_lease(db)
        async with db.begin() as tx:  # the new one has got further than the old one knows
            await tx.execute(update(OUTBOX).values(sent_at=utc_now(), position=99))
        await new.relay_once()

    broker.meanwhile = overtake
    await old.relay_once()

    (row,) = await outbox(db)
    assert row["position"] == 99


async def test_an_old_holder_leaves_what_it_published_to_the_new_one_to_mark(
    db: Database, broker: WatchedBroker
) -> None:
    old, new = Relay(db, broker, "tests"), Relay(db, broker, "tests")
    await tell_of(db, "a")

    async def lose_the_lease() -> None:
        await expire_lease(db)
        await db.transact(take_over)

    broker.meanwhile = lose_the_lease
    await old.relay_once()
    unmarked = await unpublished(db)
    await expire_lease(db)
    await new.relay_once()

    assert (unmarked, await unpublished(db)) == (1, 0)
    assert len(set(broker.ids())) == 1


async def take_over(tx: Tx) -> None:
    await tx.execute(update(LEASE).values(holder="somebody else", epoch=LEASE.c.epoch + 1))
