"""The guarded listener of the shared Kafka server: TLS, and users with rights of their own."""

from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from roadbike.local import services
from roadbike.local.servers import AUDIT
from roadbike.local.servers.nats import SET_UP
from tests.certificates import Authority
from tests.distributed.kafka_server import KafkaCluster

AUTHORITY: Final = Authority()
PASSWORD: Final = "right"  # of every user
LOGIN: Final = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PUBLISHERS: Final = {spec.name: spec.topic for spec in services.SERVICES if spec.publishes}
READERS: Final = {spec.name: spec.reads for spec in services.SERVICES if spec.reads}
USERS: Final = sorted({*PUBLISHERS, *READERS, SET_UP, AUDIT})
OPTIONS: Final = tuple(
    part
    for user in USERS
    for part in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={PASSWORD}]")
)


def settings() -> Mapping[str, str]:
    """Return the settings of a server whose users have only the rights that are given to them.

    On the plain listener nobody logs in, and everything is allowed.
    """
    certificate = AUTHORITY.certificate()
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": LOGIN,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": one_line(certificate.cert),
        "ssl.keystore.key": one_line(certificate.key),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": one_line(AUTHORITY.ca),
    }


def one_line(pem: str) -> str:
    return pem.strip().replace("\n", "\\n")


def give_rights(cluster: KafkaCluster) -> None:
    """Give each user what decision 16 lists for it."""
    admin = AdminClient({"bootstrap.servers": cluster.addresses})
    for done in admin.create_acls(list(rights())).values():
        done.result(30)


def rights() -> Iterator[AclBinding]:
    topic, transaction = ResourceType.TOPIC, ResourceType.TRANSACTIONAL_ID
    for user, published in PUBLISHERS.items():
        for operation in ("WRITE", "DESCRIBE", "READ", "DESCRIBE_CONFIGS"):
            yield right(user, topic, published, operation)
        for operation in ("WRITE", "DESCRIBE"):
            yield right(user, transaction, user, operation)
    for user, topics in READERS.items():
        for name in topics:
            yield right(user, topic, name, "READ")
            yield right(user, ResourceType.GROUP, f"{user}.{name}", "READ")
    for name in PUBLISHERS.values():
        for operation in ("CREATE", "DESCRIBE"):
            yield right(SET_UP, topic, name, operation)
        for operation in ("READ", "DESCRIBE"):
            yield right(AUDIT, topic, name, operation)


def right(user: str, kind: ResourceType, name: str, operation: str) -> AclBinding:
    return AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )
