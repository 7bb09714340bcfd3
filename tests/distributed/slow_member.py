"""A member of a group, as a process: it fetches, waits for a line, and then acknowledges."""

import asyncio
import sys

from roadbike.kit.messaging.broker.kafka.access import Access
from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker
from roadbike.kit.messaging.broker.kafka.options import Membership
from tests.kit.broker.messages import TOPIC, fetch_all, wait_until_connected


async def main(servers: str, count: int) -> None:
    broker = KafkaBroker(Access(servers=(servers,)), "mypage", member=Membership(session=2))
    await wait_until_connected(broker)
    subscription = await broker.subscribe("mypage", TOPIC)
    received = await fetch_all(subscription, count, within=30)
    print("fetched", len(received), flush=True)  # noqa: T201  the test reads it
    await asyncio.to_thread(sys.stdin.readline)
    await subscription.ack(received)
    print("acknowledged", flush=True)  # noqa: T201  likewise
    await asyncio.to_thread(sys.stdin.readline)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
