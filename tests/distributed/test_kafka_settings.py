"""A service that is started with wrong settings of Kafka says which, and is ready or not."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from roadbike.kit.messaging.broker import TopicOptions
from tests.certificates import Authority
from tests.distributed.conftest import Connecting
from tests.distributed.guard import AUTHORITY, PASSWORD
from tests.distributed.kafka_server import KafkaCluster
from tests.flows.in_process_shop import Shop, Url, open_shop, until

pytestmark = pytest.mark.distributed

DURABLE = TopicOptions(partitions=1)
NO_TOPICS = [
    f"the broker has no topic {topic}: `roadbike set-up-broker` makes it"
    for topic in ("bike.delivery", "bike.reservation", "bike.stock")
]


@pytest.fixture
async def empty_shop(url: Url, one_server: KafkaCluster) -> AsyncIterator[Shop]:
    """A shop without services; the topics are there."""
    async with open_shop(url, (), f"kafka://{one_server.addresses}") as shop:
        yield shop


def access(server: KafkaCluster, user: str, password: str, ca: str) -> Mapping[str, str]:
    return {
        "ROADBIKE_BROKER_URL": f"kafka+tls://{user}:{password}@{server.guarded_addresses}",
        "ROADBIKE_BROKER_CA": ca,
    }


async def readiness(shop: Shop) -> tuple[int, list[str]]:
    """Return the status of stock's `/readyz`, and what it says is wrong."""
    async with shop.http.get(f"{shop.servers['stock'].url}/readyz") as response:
        body: dict[str, Any] = await response.json()
        return response.status, body.get("faults", [])


async def wait_until(shop: Shop, status: int, *faults: str) -> None:
    """Wait for that status and for faults that have these texts in them, and no others."""
    seen: tuple[int, list[str]] = 0, []

    async def look() -> bool:
        nonlocal seen
        seen = await readiness(shop)
        return (
            seen[0] == status
            and all(
                len(seen[1]) == len(faults) and text in fault
                for text, fault in zip(faults, seen[1], strict=False)
            )
            and len(seen[1]) == len(faults)
        )

    try:
        await until(look, seconds=30)
    except TimeoutError:
        raise AssertionError(seen) from None


async def test_a_wrong_password_is_named_and_the_service_not_ready(
    empty_shop: Shop, one_server: KafkaCluster
) -> None:
    await empty_shop.start("stock", **access(one_server, "stock", "wrong", AUTHORITY.ca))

    await wait_until(empty_shop, 503, "refuse the user, the password or the SASL mechanism (ROA")


async def test_a_certificate_of_another_authority_is_named_and_the_service_not_ready(
    empty_shop: Shop, one_server: KafkaCluster
) -> None:
    await empty_shop.start("stock", **access(one_server, "stock", PASSWORD, Authority().ca))

    await wait_until(empty_shop, 503, "(ROADBIKE_BROKER_CA)")


async def test_a_user_who_is_made_later_is_let_in(
    empty_shop: Shop, one_server: KafkaCluster
) -> None:
    await empty_shop.start("stock", **access(one_server, "late", "later", AUTHORITY.ca))
    await wait_until(empty_shop, 503, "(ROADBIKE_BROKER_URL)")

    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    made = UserScramCredentialUpsertion("late", info, b"later")
    admin = AdminClient({"bootstrap.servers": one_server.addresses})
    admin.alter_user_scram_credentials([made])["late"].result(30)

    await until(lambda: is_ready(empty_shop))


async def is_ready(shop: Shop) -> bool:
    return (await readiness(shop))[0] == 200


async def test_a_service_whose_broker_does_not_answer_is_ready_and_says_so(
    empty_shop: Shop,
) -> None:
    await empty_shop.start("stock", ROADBIKE_BROKER_URL="kafka://127.0.0.1:9")
    await wait_until(empty_shop, 200, "broker: ")
    assert (await readiness(empty_shop))[1][0].endswith("(ROADBIKE_BROKER_URL)")

    await empty_shop.restart("stock")

    await wait_until(empty_shop, 200, "replication factor", "min.insync.replicas")


async def test_a_missing_topic_is_named_until_it_is_made(
    empty_shop: Shop, one_server: KafkaCluster, connecting: Connecting
) -> None:
    await one_server.delete_topics()
    await empty_shop.start("stock")
    await wait_until(empty_shop, 200, *NO_TOPICS)

    broker = await connecting.to(one_server, "set-up", partitions=1)
    await broker.set_up(dict.fromkeys(("bike.stock", "bike.delivery", "bike.reservation"), ()))

    await wait_until(empty_shop, 200, "replication factor", "min.insync.replicas")


async def test_in_production_a_service_with_unsafe_topics_is_not_ready(empty_shop: Shop) -> None:
    await empty_shop.start("stock", ROADBIKE_ENV="production")

    await wait_until(
        empty_shop,
        503,
        "the replication factor of bike.stock is 1, not 3",
        "min.insync.replicas of bike.stock is 1, not 2",
    )


async def test_each_setting_with_which_events_could_be_lost_is_named(
    one_server: KafkaCluster, connecting: Connecting
) -> None:
    broker = await connecting.to(one_server, "stock")
    await broker.set_up({"bike.stock": ()})
    change(
        one_server,
        "bike.stock",
        {
            "unclean.leader.election.enable": "true",
            "cleanup.policy": "compact",
            "retention.ms": "3600000",
            "retention.bytes": "1000000",
        },
    )

    wanted = [
        "the replication factor of bike.stock is 1, not 3",
        "min.insync.replicas of bike.stock is 1, not 2",
        "unclean.leader.election.enable of bike.stock is true, not false",
        "cleanup.policy of bike.stock is compact, not delete",
        "retention.ms of bike.stock is 3600000, less than a week (604800000)",
        "retention.bytes of bike.stock is 1000000, not -1",
    ]

    async def found() -> bool:
        return await broker.weaknesses("bike.stock") == wanted

    await until(found, seconds=10)


def change(server: KafkaCluster, topic: str, settings: Mapping[str, str]) -> None:
    """Change the configuration of a topic."""
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in settings.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": server.addresses})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(30)
