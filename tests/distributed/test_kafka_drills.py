"""Drills that open a shop of their own, on PostgreSQL, MariaDB and Kafka."""

import json
import subprocess

import pytest

from tests.distributed.kafka_server import KafkaCluster
from tests.distributed.stack import stack
from tests.mariadb import MariaDBServer
from tests.system.real_shop import ROADBIKE, command_environment

pytestmark = pytest.mark.distributed


def test_the_breaker_opens_and_closes_on_kafka(
    kafka_server: KafkaCluster, mariadb_server: MariaDBServer
) -> None:
    with stack(kafka_server, mariadb_server) as environ:
        done = subprocess.run(  # noqa: S603  our own command
            [ROADBIKE, "drill", "breaker", "--small", "--json"],
            env=command_environment(environ),
            capture_output=True,
            text=True,
            cwd="/",
            timeout=300,
            check=False,
        )

    assert done.returncode == 0, done
    assert all(check["passed"] for check in json.loads(done.stdout)["checks"])
