"""Kafka servers that are killed while events are sent: nothing that was acknowledged is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, Message
from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker
from tests.distributed.conftest import Connecting
from tests.distributed.kafka_server import KafkaCluster, KafkaServer
from tests.kit.broker.messages import TOPIC, messages, wait_until

pytestmark = pytest.mark.distributed

GROUPS = {TOPIC: ("mypage",)}


class Load:
    """Sends events as the relay does: each batch again until it is acknowledged."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.acknowledged: set[UUID] = set()

    async def run(self) -> None:
        while True:
            batch = messages(50)
            while not await self._is_sent(batch):  # noqa: ASYNC110  as the relay does
                await asyncio.sleep(0.05)
            self.acknowledged |= {message.event_id for message in batch}

    async def _is_sent(self, batch: list[Message]) -> bool:
        try:
            await self._broker.send(batch)
        except BrokerUnavailable:
            return False
        return True

    async def more(self, count: int = 500) -> None:
        """Wait until that many more events are acknowledged."""
        enough = len(self.acknowledged) + count
        await wait_until(lambda: len(self.acknowledged) >= enough, within=90)


async def received_ids(broker: Broker, wanted: set[UUID]) -> set[UUID]:
    """Return the ids that a group receives, until it has those that are wanted."""
    subscription = await broker.subscribe("mypage", TOPIC)
    found: set[UUID] = set()
    async with asyncio.timeout(60):
        while not wanted <= found:
            try:
                received = await subscription.fetch(1_000, 1)
            except BrokerUnavailable:
                continue
            found |= {each.message.event_id for each in received}
            await subscription.ack(received)
    return found


async def until_available(call: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await call()
            except BrokerUnavailable:
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_killed_server_has_all_that_it_acknowledged(
    one_server: KafkaCluster, connecting: Connecting
) -> None:
    broker = await connecting.to(one_server)
    await broker.set_up(GROUPS)
    load = Load(broker)
    sending = asyncio.create_task(load.run())
    await load.more()

    one_server.kill()
    await wait_until(lambda: not broker.connected, within=15)
    await asyncio.to_thread(one_server.start_again)
    await load.more()

    sending.cancel()
    reader = await connecting.to(one_server, "mypage")
    assert load.acknowledged <= await received_ids(reader, load.acknowledged)


async def test_three_servers_lose_nothing_when_one_is_killed_and_then_the_controller(
    three_servers: KafkaCluster, connecting: Connecting
) -> None:
    broker = await connecting.to(three_servers, partitions=3, copies=3)
    await broker.set_up(GROUPS)
    load = Load(broker)
    sending = asyncio.create_task(load.run())
    await load.more()
    first = next(server for server in three_servers.servers if server != controller(three_servers))

    first.kill()
    await load.more()
    first.start()
    await wait_until_in_sync(broker)
    controller(three_servers).kill()
    await load.more()

    sending.cancel()
    reader = await connecting.to(three_servers, "mypage")
    assert load.acknowledged <= await received_ids(reader, load.acknowledged)


async def test_without_enough_servers_in_sync_nothing_is_acknowledged(
    three_servers: KafkaCluster, connecting: Connecting
) -> None:
    broker = await connecting.to(three_servers, partitions=1, copies=3)
    await broker.set_up(GROUPS)
    await broker.send(messages(3))
    leader = (await broker.connector.topic(TOPIC)).partitions[0].leader
    others = [server for server in three_servers.servers if server.node != leader]

    for server in others:
        server.pause()
    with pytest.raises(BrokerUnavailable):
        await broker.send(messages(3))
    for server in others:
        server.resume()

    await until_available(lambda: broker.send(messages(3)))


def controller(cluster: KafkaCluster) -> KafkaServer:
    """Return the server that is the active controller."""
    states = {
        server: (server.folder / "data" / "__cluster_metadata-0" / "quorum-state").read_text()
        for server in cluster.servers
        if server.is_running
    }
    return next(server for server, state in states.items() if f'"leaderId":{server.node},' in state)


async def wait_until_in_sync(broker: KafkaBroker) -> None:
    """Wait until every partition has all its replicas in sync."""
    async with asyncio.timeout(60):
        while True:
            try:
                topic = await broker.connector.topic(TOPIC)
                if all(each.in_sync == each.replicas for each in topic.partitions):
                    return
            except BrokerUnavailable:
                pass
            await asyncio.sleep(0.2)
