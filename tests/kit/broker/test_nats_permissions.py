"""Each service and the set-up job have a NATS user; what it may do and what is denied."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import nats
import pytest
from nats.aio.client import Client

from roadbike.kit.messaging.broker import BrokerUnavailable, Message
from roadbike.kit.messaging.broker.nats import (
    NatsBroker,
    audit_permissions,
    permissions,
    set_up_permissions,
)
from tests.kit.broker.messages import (
    a_message,
    fetch_all,
    in_order,
    wait_until,
    wait_until_connected,
)
from tests.kit.broker.nats_server import NatsServer

TOPICS = {"stock": "bike.stock", "payment": "bike.payment", "mypage": None, "account": None}
CONSUMES = {"stock": ("bike.payment",), "mypage": ("bike.stock", "bike.payment")}
GROUPS = {"bike.stock": ("mypage",), "bike.payment": ("mypage", "stock")}
SERVICES = ("stock", "payment", "mypage")  # account does nothing at the broker


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    users = {
        service: permissions(service, topic, CONSUMES.get(service, ()))
        for service, topic in TOPICS.items()
    }
    users["set-up"] = set_up_permissions("set-up", GROUPS)
    users["audit"] = audit_permissions("audit", GROUPS)
    server = NatsServer(tmp_path, users=users)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def brokers(server: NatsServer) -> AsyncIterator[dict[str, NatsBroker]]:
    """Connected brokers by user; topics and groups are made."""
    async with AsyncExitStack() as stack:
        names = (*SERVICES, "set-up", "audit")
        connected = {name: NatsBroker(server.url(name), name, timeout=0.3) for name in names}
        for broker in connected.values():
            stack.push_async_callback(broker.close)
            await wait_until_connected(broker)
        await connected["set-up"].set_up(GROUPS)
        yield connected


async def test_each_service_sends_to_its_own_topic_and_consumes_its_groups(
    brokers: dict[str, NatsBroker],
) -> None:
    for topic in GROUPS:
        await brokers[topic.removeprefix("bike.")].send([message_to(topic), message_to(topic)])
    await brokers["stock"].send([message_to("bike.stock")])

    for name, topic, count in (
        ("mypage", "bike.stock", 3),
        ("mypage", "bike.payment", 2),
        ("stock", "bike.payment", 2),
    ):
        subscription = await brokers[name].subscribe(name, topic)
        received = await fetch_all(subscription, count)
        assert len(received) == count
        await subscription.nak(received[:1], 0)
        await subscription.ack([*received[1:], *await fetch_all(subscription, 1)])
        assert await subscription.lag() == 0


async def test_a_service_looks_at_its_own_topic_and_purges_it(server: NatsServer) -> None:
    set_up = NatsBroker(server.url("set-up"), "set-up")
    await wait_until_connected(set_up)
    await set_up.set_up(GROUPS)
    stock, errors = await _raw(server, "stock")
    await stock.request("bike.stock.1", b"{}")

    for call in ("STREAM.INFO", "STREAM.MSG.GET", "CONSUMER.LIST", "STREAM.PURGE"):
        body = b'{"seq": 1}' if call == "STREAM.MSG.GET" else b"{}"
        answer = await stock.request(f"$JS.API.{call}.bike-stock", body, timeout=5)
        assert b'"error"' not in answer.data, call

    assert errors == []
    await stock.close()
    await set_up.close()


async def test_the_audit_reads_what_all_topics_hold_and_can_do_nothing_else(
    brokers: dict[str, NatsBroker],
) -> None:
    sent = {topic: message_to(topic) for topic in GROUPS}
    for topic, message in sent.items():
        (mark,) = await brokers[topic.removeprefix("bike.")].send([message])

        assert await brokers["audit"].holds(topic, mark, message.event_id)
        assert not await brokers["audit"].holds(topic, mark, uuid4())
        with pytest.raises(BrokerUnavailable, match="permissions violation"):
            await brokers["audit"].send([message])
        with pytest.raises(BrokerUnavailable, match="permissions violation"):
            await brokers["audit"].subscribe("mypage", topic)


async def test_a_service_starts_its_own_topic_over_and_no_other(
    brokers: dict[str, NatsBroker],
) -> None:
    sent = [message_to("bike.stock"), message_to("bike.stock")]
    marks = await brokers["stock"].send(sent)
    subscription = await brokers["mypage"].subscribe("mypage", "bike.stock")
    await subscription.ack(await fetch_all(subscription, 2))

    with pytest.raises(BrokerUnavailable, match="permissions violation"):
        await brokers["payment"].start_over("bike.stock", lost=marks[0])
    assert await subscription.lag() == 0
    await brokers["stock"].start_over("bike.stock", lost=marks[0])

    assert [r.message for r in in_order(await fetch_all(subscription, 2))] == sent


async def test_without_a_set_up_job_starting_over_fails(
    brokers: dict[str, NatsBroker],
) -> None:
    (mark,) = await brokers["stock"].send([message_to("bike.stock")])
    await brokers["set-up"].close()

    with pytest.raises(BrokerUnavailable, match="no set-up job"):
        await brokers["stock"].start_over("bike.stock", lost=mark)


async def test_a_service_cannot_send_to_the_topic_of_another(
    brokers: dict[str, NatsBroker],
) -> None:
    forged = [message_to("bike.payment"), message_to("bike.payment")]

    for name in ("stock", "mypage", "set-up"):
        for messages in (forged, forged[:1]):
            with pytest.raises(BrokerUnavailable, match="permissions violation"):
                await brokers[name].send(messages)

    subscription = await brokers["mypage"].subscribe("mypage", "bike.payment")
    assert await subscription.lag() == 0


async def test_a_service_makes_no_topics_and_no_groups(brokers: dict[str, NatsBroker]) -> None:
    for name in SERVICES:
        for topics in ({"bike.stock": ()}, {"bike.stock": (name,)}, {"mine": (name,)}):
            with pytest.raises(BrokerUnavailable, match="permissions violation"):
                await brokers[name].set_up(topics)


async def test_a_service_consumes_neither_as_another_nor_a_topic_that_is_not_for_it(
    brokers: dict[str, NatsBroker],
) -> None:
    with pytest.raises(BrokerUnavailable, match="permissions violation"):
        await brokers["stock"].subscribe("mypage", "bike.payment")
    with pytest.raises(BrokerUnavailable, match="permissions violation"):
        await brokers["payment"].subscribe("payment", "bike.stock")


DENIED_TO_STOCK = [
    *("bike.payment.1", "bike.stock", "bike.other.1"),
    *(f"$JS.API.STREAM.{call}.bike-stock" for call in ("CREATE", "UPDATE", "DELETE")),
    *(f"$JS.API.STREAM.{call}.bike-stock" for call in ("MSG.DELETE", "SNAPSHOT", "RESTORE")),
    *(f"$JS.API.STREAM.{call}.bike-payment" for call in ("PURGE", "MSG.GET", "UPDATE", "DELETE")),
    *("$JS.API.STREAM.CREATE.mine", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.INFO"),
    *("$JS.API.DIRECT.GET.bike-payment", "$JS.API.DIRECT.GET.bike-stock.bike.stock.1"),
    *(f"$JS.API.CONSUMER.{call}.bike-payment.stock" for call in ("CREATE", "DELETE", "PAUSE")),
    *(f"$JS.API.CONSUMER.{call}.bike-stock.stock" for call in ("CREATE", "MSG.NEXT", "INFO")),
    *(f"$JS.API.CONSUMER.{call}.bike-payment.mypage" for call in ("CREATE", "MSG.NEXT", "DELETE")),
    "$JS.API.CONSUMER.CREATE.bike-payment",
    "$JS.API.CONSUMER.CREATE.bike-payment.stock.bike.payment.1",
    "$JS.API.CONSUMER.DURABLE.CREATE.bike-payment.stock",
    *("$JS.API.CONSUMER.LIST.bike-payment", "$JS.API.CONSUMER.NAMES.bike-stock"),
    *("$JS.ACK.bike-payment.mypage.1.1.1.1.0", "$JS.ACK.bike-stock.mypage.1.1.1.1.0"),
    *("SET_UP.START_OVER.bike-payment", "_INBOX_mypage.x", "_INBOX_set-up.x"),
    *("$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO"),
]
DENIED_TO_ACCOUNT = [
    *("bike.account.1", "$JS.API.INFO", "$JS.API.STREAM.INFO.bike-stock", "_INBOX_account.x"),
    *("$JS.API.CONSUMER.CREATE.bike-stock.account", "SET_UP.START_OVER.bike-stock", "x"),
]
DENIED_TO_SET_UP = [
    *("bike.stock.1", "$JS.API.STREAM.PURGE.bike-stock", "$JS.API.STREAM.MSG.GET.bike-stock"),
    *("$JS.API.STREAM.DELETE.bike-stock", "$JS.API.STREAM.CREATE.mine"),
    *(f"$JS.API.CONSUMER.{call}.bike-stock.mypage" for call in ("MSG.NEXT", "INFO")),
    *("$JS.API.CONSUMER.CREATE.bike-stock.set-up", "$JS.ACK.bike-stock.mypage.1.1.1.1.0"),
    *("_INBOX_stock.x", "$SYS.REQ.SERVER.PING"),
]
DENIED_TO_AUDIT = [
    *("bike.stock.1", "$JS.ACK.bike-stock.mypage.1.1.1.1.0", "$JS.API.STREAM.LIST"),
    *("$JS.API.STREAM.PURGE.bike-stock", "$JS.API.STREAM.DELETE.bike-stock"),
    *("$JS.API.STREAM.UPDATE.bike-stock", "$JS.API.STREAM.MSG.DELETE.bike-stock"),
    *("$JS.API.CONSUMER.CREATE.bike-stock.audit", "$JS.API.CONSUMER.MSG.NEXT.bike-stock.mypage"),
    *("SET_UP.START_OVER.bike-stock", "_INBOX_stock.x"),
]
SUBSCRIPTIONS = ["bike.>", ">", "_INBOX_mypage.>", "_INBOX.>", "$JS.>", "*", "SET_UP.>"]


@pytest.mark.parametrize(
    ("user", "subjects"),
    [
        ("stock", DENIED_TO_STOCK),
        ("account", DENIED_TO_ACCOUNT),
        ("set-up", DENIED_TO_SET_UP),
        ("audit", DENIED_TO_AUDIT),
    ],
)
async def test_a_user_may_not_publish_to(
    server: NatsServer, user: str, subjects: list[str]
) -> None:
    def publish(client: Client, subject: str) -> Awaitable[object]:
        return client.publish(subject, b"{}", reply=f"_INBOX_{user}.x")

    assert await refused(server, user, publish, subjects) == subjects


@pytest.mark.parametrize("user", ["stock", "account", "set-up", "audit"])
async def test_a_user_may_not_subscribe_to(server: NatsServer, user: str) -> None:
    subjects = [*SUBSCRIPTIONS, *(["_INBOX_account.>"] if user == "account" else [])]

    assert await refused(server, user, lambda client, s: client.subscribe(s), subjects) == subjects


async def refused(
    server: NatsServer,
    user: str,
    act: Callable[[Client, str], Awaitable[object]],
    subjects: list[str],
) -> list[str]:
    """Return the subjects for which the server reported a permissions violation."""
    client, errors = await _raw(server, user)
    for subject in subjects:
        await act(client, subject)

    def denied() -> list[str]:
        return [s for s in subjects if any(f'"{s.lower()}"' in error.lower() for error in errors)]

    with suppress(AssertionError):  # the caller compares
        await wait_until(lambda: denied() == subjects)
    await client.close()
    return denied()


async def test_a_connection_without_a_user_is_refused(server: NatsServer) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(nats.errors.Error, match="Authorization"):
            await nats.connect(server.url(), allow_reconnect=False)


async def _raw(server: NatsServer, user: str) -> tuple[Client, list[str]]:
    errors: list[str] = []

    async def record(error: Exception) -> None:
        errors.append(str(error))

    client = await nats.connect(
        server.url(user), error_cb=record, inbox_prefix=f"_INBOX_{user}".encode()
    )
    return client, errors


def message_to(topic: str) -> Message:
    return replace(a_message(), topic=topic)
