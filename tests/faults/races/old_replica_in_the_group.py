"""Races 6: an old replica of stock and a new one, which reacts to one event more, consume in one
group; measured is how many of 10 events of that type take effect or are kept for later; the
fault is an event that is acknowledged and does neither.
"""

from typing import Any

from roadbike.contracts.events import DeliveryReturned, DeliveryStarted
from roadbike.kit.db import Tx
from roadbike.kit.messaging import parked
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.process.service import whenever
from tests.contracts.examples import EXAMPLES
from tests.faults.databases import new_database, opened
from tests.faults.outcome import Outcome, run
from tests.service_harness import message

EVENTS = 10
TOPIC = "bike.delivery"


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    seen: list[object] = []

    async def react(_tx: Tx, event: Any) -> None:
        seen.append(event)

    async with new_database("roadbike.stock") as url, opened(url) as db:
        old = Inbox(db, [whenever(DeliveryStarted, react)])
        new = Inbox(db, [whenever(DeliveryStarted, react), whenever(DeliveryReturned, react)])
        broker = MemoryBroker(MemoryLog())
        await broker.set_up({TOPIC: ("stock",)})
        await broker.send([message(EXAMPLES[DeliveryReturned]) for _ in range(EVENTS)])
        group = await broker.subscribe("stock", TOPIC)
        for inbox in (old, new):  # whichever replica fetches gets the messages
            received = await group.fetch(EVENTS // 2, 0.1)
            await inbox.consume([one.message for one in received])
            await group.ack(received)
        async with db.read() as tx:
            kept = await parked.count(tx, parked.ParkedState.PARKED)
        lag = await group.lag()
    lost = EVENTS - len(seen) - kept - lag
    text = f"of {EVENTS} events {len(seen)} take effect, {kept} are parked, {lost} are lost"
    return Outcome(lost > 0, text)


if __name__ == "__main__":
    raise SystemExit(main())
