"""TLS, users and passwords of Kafka: what is right gets in, what is wrong is named."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, TopicOptions, connect
from roadbike.local.servers import AUDIT
from roadbike.local.servers.nats import SET_UP
from tests.certificates import Authority
from tests.distributed.guard import AUTHORITY, PASSWORD
from tests.distributed.kafka_server import KafkaCluster
from tests.kit.broker.messages import GROUPS, TOPIC, fetch_all, messages, wait_until_connected

pytestmark = pytest.mark.distributed

ONE_COPY = TopicOptions(replication=1, min_in_sync=1)


def url(server: KafkaCluster, user: str, password: str = PASSWORD) -> str:
    return f"kafka+tls://{user}:{password}@{server.guarded_addresses}"


@pytest.fixture
async def as_user(one_server: KafkaCluster) -> AsyncIterator[Callable[[str], Awaitable[Broker]]]:
    """Return a function that connects a broker over TLS as one of the users."""
    async with AsyncExitStack() as stack:

        async def connected(user: str) -> Broker:
            broker = connect(url(one_server, user), user, ca=AUTHORITY.ca, topics=ONE_COPY)
            stack.push_async_callback(broker.close)
            await wait_until_connected(broker)
            return broker

        yield connected


async def refusal(broker: Broker) -> str:
    """Return why the broker cannot be reached."""
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    await broker.set_up(GROUPS)
                except BrokerUnavailable as reason:
                    if str(reason) != "not connected":
                        return str(reason)
                await asyncio.sleep(0.05)
    finally:
        await broker.close()


async def test_each_user_may_do_over_tls_what_its_work_needs_and_no_more(
    as_user: Callable[[str], Awaitable[Broker]],
) -> None:
    """The rights are those of decision 16."""
    reservation, mypage, stock = [
        await as_user(name) for name in ("reservation", "mypage", "stock")
    ]
    set_up, audit = await as_user(SET_UP), await as_user(AUDIT)

    await set_up.set_up(GROUPS)
    (mark, *_) = await reservation.send(sent := messages(3))
    received = await fetch_all(await mypage.subscribe("mypage", TOPIC), 3)

    assert {each.message.event_id for each in received} == {each.event_id for each in sent}
    assert await reservation.weaknesses(TOPIC)
    assert await audit.lost(TOPIC, [(mark, sent[0].event_id)]) == []
    for other in (mypage, stock, set_up, audit):
        with pytest.raises(BrokerUnavailable, match="uthoriz"):
            await other.send(messages(1))
    with pytest.raises(BrokerUnavailable, match="uthoriz"):
        await (await stock.subscribe("mypage", TOPIC)).fetch(10, 1)


async def test_a_wrong_password_is_named(kafka_server: KafkaCluster) -> None:
    wrong = url(kafka_server, "stock", "wrong")

    reason = await refusal(connect(wrong, "stock", ca=AUTHORITY.ca))

    assert "refuse the user, the password" in reason
    assert reason.endswith("(ROADBIKE_BROKER_URL)")


async def test_a_server_of_another_authority_is_named(kafka_server: KafkaCluster) -> None:
    reason = await refusal(connect(url(kafka_server, "stock"), "stock", ca=Authority().ca))

    assert reason.endswith("(ROADBIKE_BROKER_CA)")


async def test_a_server_that_wants_tls_is_not_reached_without_it(
    kafka_server: KafkaCluster,
) -> None:
    without = f"kafka://stock:{PASSWORD}@{kafka_server.guarded_addresses}"

    assert (await refusal(connect(without, "stock"))).endswith("(ROADBIKE_BROKER_URL)")


async def test_more_copies_than_servers_are_named(kafka_server: KafkaCluster) -> None:
    broker = connect(f"kafka://{kafka_server.addresses}", "set-up", topics=TopicOptions())

    assert (await refusal(broker)).endswith("(ROADBIKE_KAFKA_REPLICATION)")


async def test_what_could_lose_events_is_named(one_server: KafkaCluster) -> None:
    broker = connect(f"kafka://{one_server.addresses}", "set-up", topics=ONE_COPY)
    await wait_until_connected(broker)
    await broker.set_up({"bike.weak": ()})

    found = await broker.weaknesses("bike.weak")

    await broker.close()
    assert found == [
        "the replication factor of bike.weak is 1, not 3",
        "min.insync.replicas of bike.weak is 1, not 2",
    ]
