"""The Kafka adapter: repeated events, senders that are replaced, topics that are lost."""

import asyncio
from contextlib import suppress

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from roadbike.kit.messaging.broker import BrokerUnavailable, Subscription, TopicMissing
from roadbike.kit.messaging.broker.kafka.envelope import headers_of
from roadbike.kit.messaging.broker.kafka.options import Membership
from roadbike.kit.messaging.broker.kafka.subscription import SLICE_SECONDS, KafkaSubscription
from tests.kit.broker.conftest import ConnectKafka
from tests.kit.broker.kafka_mock import MockCluster, MockKafkaBroker
from tests.kit.broker.messages import (
    GROUPS,
    TOPIC,
    a_message,
    fetch_all,
    messages,
    wait_until,
    wait_until_connected,
)

ITS_ONLY_PLACE = TopicPartition(TOPIC, 0)


async def test_a_repeated_event_stands_at_two_offsets_and_the_log_holds_both(
    connect_kafka: ConnectKafka,
) -> None:
    broker = await connect_kafka()
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    message = a_message()

    (first,) = await broker.send([message])
    (second,) = await broker.send([message])

    assert second.position > first.position
    assert await broker.holds(TOPIC, first, message.event_id)
    assert await broker.holds(TOPIC, second, message.event_id)
    received = await fetch_all(subscription, 2)
    assert [r.message for r in received] == [message, message]


async def test_a_closed_subscription_is_not_opened_again(connect_kafka: ConnectKafka) -> None:
    """Who still fetches would be a member whose partitions nobody reads."""
    broker = await connect_kafka()
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(1))
    assert len(await subscription.fetch(1, 5)) == 1

    await subscription.close()

    with pytest.raises(BrokerUnavailable):
        await subscription.fetch(1, 1)
    other = await (await connect_kafka()).subscribe("mypage", TOPIC)
    assert len(await fetch_all(other, 1)) == 1


async def test_during_a_rebalance_nothing_is_fetched_and_then_only_what_was_assigned() -> None:
    """The client has the partitions of before until it gets others; Kafka refuses their commits."""
    cluster = MockCluster(partitions=6)
    broker = MockKafkaBroker(cluster, "mypage", Membership(session=2, ack_wait=1))
    await wait_until_connected(broker)
    await broker.set_up(GROUPS)
    await broker.send(messages(60))
    subscription = await broker.subscribe("mypage", TOPIC)
    await subscription.ack(await fetch_all(subscription, 60))
    places = (await subscription.open()).assignment()

    await subscription.revoked(places)
    await broker.send(messages(60))
    meanwhile = await subscription.fetch(100, 0.3)
    subscription.assigned({min(places)})

    received = await subscription.fetch(100, 5)
    await subscription.close()
    await broker.close()
    assert (len(places), meanwhile) == (6, [])
    assert {each.partition for each in received} == {min(places).partition}


async def test_a_topic_that_was_made_again_is_another_log(
    connect_kafka: ConnectKafka, mock_cluster: MockCluster
) -> None:
    broker = await connect_kafka()
    await broker.set_up(GROUPS)
    message = a_message()
    (before,) = await broker.send([message])

    mock_cluster.delete_topic(TOPIC)
    with pytest.raises(TopicMissing):
        await broker.send([message])
    await broker.set_up(GROUPS)
    (after,) = await broker.send([message])

    assert after.incarnation != before.incarnation
    assert not await broker.holds(TOPIC, before, message.event_id)


async def test_events_of_one_key_have_one_partition(
    connect_kafka: ConnectKafka, mock_cluster: MockCluster
) -> None:
    mock_cluster.partitions = 6
    broker = await connect_kafka()
    await broker.set_up(GROUPS)

    marks = await broker.send([a_message(key) for key in "abcdefghij" * 3])

    by_key = {key: {m.partition for m in marks[n::10]} for n, key in enumerate("abcdefghij")}
    assert {len(partitions) for partitions in by_key.values()} == {1}
    assert len({mark.partition for mark in marks}) > 1


async def test_messages_have_cloudevents_headers(
    connect_kafka: ConnectKafka, mock_cluster: MockCluster
) -> None:
    broker = await connect_kafka()
    await broker.set_up(GROUPS)
    message = a_message("c0ffee")
    await broker.send([message])
    foreign_client = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=mock_cluster.server, auto_offset_reset="earliest", check_crcs=False
    )
    await foreign_client.start()
    async with asyncio.timeout(10):
        record = await foreign_client.getone()
    await foreign_client.stop()

    assert (record.key, record.value) == (b"c0ffee", b"{}")
    assert list(record.headers) == headers_of(message)
    assert dict(record.headers) | {"ce_time": b"", "ce_traceparent": b""} == {
        "ce_specversion": b"1.0",
        "ce_id": str(message.event_id).encode(),
        "ce_source": b"reservation",
        "ce_type": b"bike.ReservationRegistered.v1",
        "ce_subject": b"c0ffee",
        "ce_time": b"",
        "ce_traceparent": b"",
        "content-type": b"application/json",
    }


async def test_a_subscription_continues_after_the_server_was_down(
    connect_kafka: ConnectKafka, mock_cluster: MockCluster
) -> None:
    broker = await connect_kafka()
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    await broker.send(messages(3))
    before = await fetch_all(subscription, 3)

    mock_cluster.take_down()
    await wait_until(lambda: not broker.connected, within=15)
    with pytest.raises(BrokerUnavailable):
        await broker.send(messages(1))
    with pytest.raises(BrokerUnavailable):
        await subscription.fetch(10, 0.1)
    await subscription.ack(before)  # kept until there is a connection
    mock_cluster.bring_up()
    await wait_until_connected(broker)

    async with asyncio.timeout(20):
        while not await nothing_is_left(subscription):
            pass


async def nothing_is_left(subscription: Subscription) -> bool:
    """Acknowledge what comes; return whether that was all. It may have come before."""
    with suppress(BrokerUnavailable):  # the members of the group find together again first
        await subscription.ack(await subscription.fetch(10, 0.5))
        return await subscription.lag() == 0
    return False


async def test_a_member_without_partitions_seldom_looks_for_some(
    connect_kafka: ConnectKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As all replicas of a service that has more of them than the topic has partitions."""
    broker = await connect_kafka()
    await broker.set_up(GROUPS)
    subscription = await broker.subscribe("mypage", TOPIC)
    assert isinstance(subscription, KafkaSubscription)
    assert await subscription.fetch(1, 1) == []  # it is a member now
    await subscription.revoked([ITS_ONLY_PLACE])
    looks = 0
    look = AIOKafkaConsumer.getmany

    async def counted(consumer: AIOKafkaConsumer, *places: object, **options: object) -> object:
        nonlocal looks
        looks += 1
        return await look(consumer, *places, **options)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", counted)
    await broker.send(messages(1))

    assert await subscription.fetch(1, 4 * SLICE_SECONDS) == []
    assert looks <= 5
    subscription.assigned([ITS_ONLY_PLACE])
    assert len(await subscription.fetch(1, 5)) == 1
