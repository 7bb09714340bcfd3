"""Races 6: an old replica of stock, whose code does not know the type of one event, and a new one
that reacts to it consume in one group; measured is how many of 10 such events take effect, then
again when only the policy is new; the fault is an event that is acknowledged and has no effect.
"""

from typing import Any

from roadbike.contracts.events import DeliveryReturned, DeliveryStarted
from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.process.service import whenever
from tests.contracts.examples import EXAMPLES
from tests.faults.databases import new_database, opened
from tests.faults.outcome import Outcome, run, say
from tests.service_harness import message

EVENTS = 10
TOPIC = "bike.delivery"


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    every = {event.type_name() for event in EXAMPLES}
    lost = 0
    for known in (every - {DeliveryReturned.type_name()}, every):
        async with new_database("roadbike.stock") as url, opened(url) as db:
            seen = await side_by_side(db, known)
        say(f"old code knows {len(known)} of {len(every)} types: {seen} of {EVENTS} take effect")
        lost += EVENTS - seen
    return Outcome(lost > 0, f"of {2 * EVENTS} events {lost} are lost")


async def side_by_side(db: Database, known: set[str]) -> int:
    """Let an old replica take the first half of the events, a new one the second half."""
    seen: list[object] = []

    async def react(_tx: Tx, event: Any) -> None:
        seen.append(event)

    started, returned = whenever(DeliveryStarted, react), whenever(DeliveryReturned, react)
    old = Inbox(db, [started], known_types=known)
    new = Inbox(db, [started, returned])
    broker = MemoryBroker(MemoryLog())
    await broker.set_up({TOPIC: ("stock",)})
    for inbox in (old, new):  # as each replica does when it starts
        await inbox.kept.announce()
    await broker.send([message(EXAMPLES[DeliveryReturned]) for _ in range(EVENTS)])
    group = await broker.subscribe("stock", TOPIC)
    for inbox in (old, new):  # whichever replica fetches gets the messages
        received = await group.fetch(EVENTS // 2, 0.1)
        await inbox.consume([one.message for one in received])
        await group.ack(received)
    await new.kept.release(db)  # both are repeated each second
    await new.retry_parked(db)
    return len(seen)


if __name__ == "__main__":
    raise SystemExit(main())
