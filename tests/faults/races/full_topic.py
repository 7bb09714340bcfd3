"""Races 4: a topic of 1 MiB is filled while its only group acknowledges every message at once;
measured is whether the relay can send more when it has found the topic full, now, 59 and 61 minutes
later; the fault is a topic that stays full although all of it is acknowledged.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from roadbike.kit.messaging.broker import BrokerUnavailable, Subscription, TopicFull
from roadbike.kit.messaging.broker.nats import NatsBroker
from roadbike.kit.messaging.relay import Relay
from tests.faults.databases import execute, new_database, opened
from tests.faults.history import TOPIC, add_backlog
from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.kit.broker.messages import wait_until_connected
from tests.kit.broker.nats_server import NatsServer

MEBIBYTE: Final = 1 << 20
EVENTS: Final = 10_000  # more than the topic holds three times
TRIES: Final = 2  # the first one finds the topic full, and trims it
LATER: Final = """
    UPDATE outbox SET sent_at = sent_at - interval '{minutes} min'
    WHERE sent_at IS NOT NULL
"""


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    stands: list[str] = []
    async with (
        new_database("roadbike.stock") as url,
        opened(url) as db,
        a_broker() as broker,
    ):
        await broker.set_up({TOPIC: ("mypage",)})
        group = await broker.subscribe("mypage", TOPIC)
        await add_backlog(db, EVENTS)
        relay = Relay(db, broker, "stock")
        for label, minutes in (("at once", 0), ("59 minutes later", 59), ("61 minutes later", 2)):
            await execute(db, LATER.format(minutes=minutes))
            if await stands_still(relay, group, label):
                stands.append(label)
    text = f"full and acknowledged, the relay sends nothing: {', '.join(stands) or 'never'}"
    return Outcome(bool(stands), text)


@asynccontextmanager
async def a_broker() -> AsyncIterator[NatsBroker]:
    with tempfile.TemporaryDirectory(prefix="roadbike-faults-") as folder:
        server = NatsServer(Path(folder))
        server.start()
        broker = NatsBroker(server.url(), "stock", max_bytes=MEBIBYTE, ack_wait=5)
        try:
            await wait_until_connected(broker)
            yield broker
        finally:
            await broker.close()
            server.kill()


async def stands_still(relay: Relay, group: Subscription, label: str) -> bool:
    """Send until the topic is full, acknowledge, try again; return whether it is still full."""
    sent = 0
    try:
        while some := await relay.relay_once():
            sent += some
    except TopicFull:
        await acknowledge(group)
    else:
        raise CannotTry(f"{label}: {sent} events do not fill the topic")
    if await group.lag():
        raise CannotTry("the group has not acknowledged everything")
    for _ in range(TRIES):
        try:
            more = await relay.relay_once()
        except BrokerUnavailable as refusal:
            reason = repr(refusal)
        else:
            say(f"{label}: {sent} sent, full; all acknowledged: {more} more sent")
            return False
    say(f"{label}: {sent} sent, full; all acknowledged: {reason}")
    return True


async def acknowledge(group: Subscription) -> None:
    while received := await group.fetch(200, 0.05):
        await group.ack(received)
    await asyncio.sleep(0)


if __name__ == "__main__":
    raise SystemExit(main())
