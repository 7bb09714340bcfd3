"""TLS, users and passwords of Kafka: what is right gets in, what is wrong is named."""

import asyncio
from collections.abc import Iterator

import pytest

from roadbike.kit.messaging.broker import Broker, BrokerUnavailable, TopicOptions, connect
from tests.certificates import Authority, Certificate
from tests.distributed.kafka_server import KafkaCluster
from tests.kit.broker.messages import GROUPS, messages, wait_until_connected

pytestmark = pytest.mark.distributed

AUTHORITY = Authority()
LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"
ONE_COPY = TopicOptions(replication=1, min_in_sync=1)


def settings(certificate: Certificate) -> dict[str, str]:
    scram = "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config"
    return {
        "inter.broker.listener.name": "SASL_SSL",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        scram: f'{LOGIN} username="stock" password="right";',
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": one_line(certificate.cert),
        "ssl.keystore.key": one_line(certificate.key),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": one_line(AUTHORITY.ca),
    }


def one_line(pem: str) -> str:
    return pem.strip().replace("\n", "\\n")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A server that wants TLS and a password."""
    cluster = KafkaCluster(
        tmp_path_factory.mktemp("guarded"),
        settings=settings(AUTHORITY.certificate()),
        options=("--add-scram", "SCRAM-SHA-512=[name=stock,password=right]"),
    )
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


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


async def test_the_right_password_over_tls_gets_in(guarded: KafkaCluster) -> None:
    url = f"kafka+tls://stock:right@{guarded.addresses}"
    broker = connect(url, "stock", ca=AUTHORITY.ca, topics=ONE_COPY)
    await wait_until_connected(broker)

    await broker.set_up(GROUPS)
    sent = await broker.send(messages(3))

    await broker.close()
    assert len(sent) == 3


async def test_a_wrong_password_is_named(guarded: KafkaCluster) -> None:
    url = f"kafka+tls://stock:wrong@{guarded.addresses}"

    reason = await refusal(connect(url, "stock", ca=AUTHORITY.ca))

    assert "refuse the user, the password" in reason
    assert reason.endswith("(ROADBIKE_BROKER_URL)")


async def test_a_server_of_another_authority_is_named(guarded: KafkaCluster) -> None:
    url = f"kafka+tls://stock:right@{guarded.addresses}"

    reason = await refusal(connect(url, "stock", ca=Authority().ca))

    assert reason.endswith("(ROADBIKE_BROKER_CA)")


async def test_a_server_that_wants_tls_is_not_reached_without_it(guarded: KafkaCluster) -> None:
    url = f"kafka://stock:right@{guarded.addresses}"

    assert (await refusal(connect(url, "stock"))).endswith("(ROADBIKE_BROKER_URL)")


async def test_more_copies_than_servers_are_named(kafka_server: KafkaCluster) -> None:
    broker = connect(f"kafka://{kafka_server.addresses}", "set-up", topics=TopicOptions())

    assert (await refusal(broker)).endswith("(ROADBIKE_KAFKA_REPLICATION)")


async def test_what_could_lose_events_is_named(kafka_server: KafkaCluster) -> None:
    broker = connect(f"kafka://{kafka_server.addresses}", "set-up", topics=ONE_COPY)
    await wait_until_connected(broker)
    await broker.set_up({"bike.weak": ()})

    found = await broker.weaknesses("bike.weak")

    await broker.close()
    await kafka_server.delete_topics()
    assert found == [
        "the replication factor of bike.weak is 1, not 3",
        "min.insync.replicas of bike.weak is 1, not 2",
    ]
