"""What `roadbike up` is given: Kafka, MariaDB for delivery, and PostgreSQL for the others."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from tests.distributed.guard import AUTHORITY, PASSWORD
from tests.distributed.kafka_server import KafkaCluster
from tests.mariadb import MariaDBServer

ON_MARIADB: Final = "delivery"
SERVER_USER: Final = "serving"
RIGHTS: Final = "SELECT, INSERT, UPDATE, DELETE"  # see docs/durability.md
NUMBERS: Final = count(1)


@contextmanager
def stack(kafka: KafkaCluster, maria: MariaDBServer) -> Iterator[dict[str, str]]:
    """Make an empty database and its two users; yield the environment of `roadbike up`.

    The audit has a user of Kafka who may only read.
    """
    name = f"shop_{next(NUMBERS)}"
    user = f"'{name}_{SERVER_USER}'@'%'"
    asyncio.run(maria.create(name))
    asyncio.run(
        maria.execute(
            f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}'",
            f"GRANT {RIGHTS} ON {name}.* TO {user}",
        )
    )
    variable = f"ROADBIKE_{ON_MARIADB.upper()}"
    try:
        yield {
            "ROADBIKE_BROKER_URL": f"kafka://{kafka.addresses}",
            "ROADBIKE_AUDIT_BROKER_URL": f"kafka+tls://audit:{PASSWORD}@{kafka.guarded_addresses}",
            "ROADBIKE_BROKER_CA": AUTHORITY.ca,
            f"{variable}_DATABASE_URL": maria.url(name, f"{name}_{SERVER_USER}", PASSWORD),
            f"{variable}_OWNER_DATABASE_URL": maria.url(name),
        }
    finally:
        asyncio.run(maria.drop(name))
        asyncio.run(maria.execute(f"DROP USER {user}"))
        asyncio.run(kafka.delete_topics())
