"""A service has one sender at a time; late senders and late members of a group change nothing."""

import asyncio
import signal
import sys

import pytest

from roadbike.kit.messaging.broker import BrokerUnavailable
from roadbike.kit.messaging.broker.kafka.broker import KafkaBroker
from tests.distributed.conftest import Connecting
from tests.distributed.kafka_server import KafkaCluster
from tests.kit.broker.messages import GROUPS, TOPIC, a_message, fetch_all, idle_lag, messages

pytestmark = pytest.mark.distributed


async def test_after_a_take_over_the_other_sender_is_refused(
    one_server: KafkaCluster, connecting: Connecting
) -> None:
    old, new = await two(one_server, connecting)
    await old.set_up(GROUPS)
    await old.send(messages(2))

    await new.take_over()
    (mark,) = await new.send([a_message("new")])

    for _ in range(2):
        with pytest.raises(BrokerUnavailable):
            await old.send([a_message("late")])
    (after,) = await new.send([a_message("new")])
    subscription = await new.subscribe("mypage", TOPIC)
    keys = [r.message.key for r in await fetch_all(subscription, 4)]
    assert (keys, after.position > mark.position) == (["0", "1", "new", "new"], True)


async def test_a_sender_that_takes_over_again_may_send(
    one_server: KafkaCluster, connecting: Connecting
) -> None:
    first, second = await two(one_server, connecting)
    await first.set_up(GROUPS)
    await first.send(messages(1))
    await second.take_over()
    with pytest.raises(BrokerUnavailable):
        await first.send(messages(1))

    await first.take_over()

    assert len(await first.send(messages(1))) == 1


async def test_senders_of_other_services_are_not_refused(
    one_server: KafkaCluster, connecting: Connecting
) -> None:
    stock, other = await connecting.to(one_server, "stock"), await connecting.to(one_server)
    await stock.set_up(GROUPS)
    await stock.send(messages(1))

    await other.take_over()

    assert len(await stock.send(messages(1))) == 1


async def test_the_late_acknowledgement_of_a_frozen_member_changes_nothing(
    one_server: KafkaCluster, connecting: Connecting
) -> None:
    broker = await connecting.to(one_server, partitions=1)
    await broker.set_up(GROUPS)
    await broker.send(messages(10))
    frozen = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.distributed.slow_member", one_server.addresses, "4"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert frozen.stdin is not None
    assert frozen.stdout is not None
    await until_said(frozen.stdout, "fetched 4")
    frozen.send_signal(signal.SIGSTOP)

    other = await (await connecting.to(one_server, "mypage")).subscribe("mypage", TOPIC)
    received = await fetch_all(other, 10, within=60)
    await other.ack(received)
    assert await idle_lag(other) == 0
    frozen.send_signal(signal.SIGCONT)
    frozen.stdin.write(b"go on\n")
    await until_said(frozen.stdout, "acknowledged")

    frozen.kill()
    await frozen.wait()
    assert [r.position for r in received] == list(range(1, 11))
    successor = await connecting.to(one_server, "mypage")
    assert (
        await (await successor.subscribe("mypage", TOPIC)).lag() <= 1
    )  # the mark of a transaction


async def two(cluster: KafkaCluster, connecting: Connecting) -> tuple[KafkaBroker, KafkaBroker]:
    """Return two connections of one service."""
    return await connecting.to(cluster, partitions=1), await connecting.to(cluster)


async def until_said(out: asyncio.StreamReader, text: str) -> None:
    """Read lines up to that one; the others are its log."""
    async with asyncio.timeout(60):
        while (await out.readline()).decode().strip() != text:
            assert not out.at_eof()
