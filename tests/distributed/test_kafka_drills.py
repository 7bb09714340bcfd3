"""Drills that open a shop of their own, on Kafka."""

import json
import subprocess

import pytest

from tests.distributed.kafka_server import KafkaCluster
from tests.distributed.test_kafka_shop import settings
from tests.system.real_shop import ROADBIKE, command_environment

pytestmark = pytest.mark.distributed


async def test_the_breaker_opens_and_closes_on_kafka(one_server: KafkaCluster) -> None:
    done = subprocess.run(  # noqa: S603, ASYNC221  our own command; nothing else runs in this loop
        [ROADBIKE, "drill", "breaker", "--small", "--json"],
        env=command_environment(settings(one_server)),
        capture_output=True,
        text=True,
        cwd="/",
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done
    assert all(check["passed"] for check in json.loads(done.stdout)["checks"])
