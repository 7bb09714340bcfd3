"""What reservations cost each service and server in the cluster, for docs/sizing.md."""

import asyncio
import re
from collections import Counter
from typing import Final

import psutil
import pytest

from roadbike.ops.audit.quiet import statuses_of
from tests.cluster.kubectl import kubectl
from tests.cluster.shop import APPS, ClusterShop, figure
from tests.cluster.siege_pod import Siege
from tests.settling import wait_until_settled

pytestmark = [pytest.mark.cluster, pytest.mark.long]

USED: Final = re.compile(
    r'^container_cpu_usage_seconds_total\{.*namespace="roadbike",pod="(\w+)-.*"\} (\S+)',
    re.MULTILINE,
)
HELD: Final = re.compile(
    r'^container_memory_working_set_bytes\{.*namespace="roadbike",pod="(\w+)-.*"\} (\S+)',
    re.MULTILINE,
)
# the kubelet looks at a container's figures each 10 to 15 s
FIGURES_SECONDS: Final = 20
SERVERS: Final = {"postgres": "PostgreSQL", "mariadbd": "MariaDB", "java": "Kafka"}
SETTLE_SECONDS: Final = 120
MIB: Final = 2**20


@pytest.mark.usefixtures("fixed_size")
async def test_what_reservations_cost(shop: ClusterShop, siege: Siege) -> None:
    await asyncio.sleep(FIGURES_SECONDS)  # there is no event for it
    before = _cpu_seconds()
    with siege.load("post", 30, 30) as load:
        pass
    await wait_until_settled(statuses_of(shop.file), SETTLE_SECONDS, pause=1)
    await asyncio.sleep(FIGURES_SECONDS)
    used = _cpu_seconds() - before
    held = _sums(HELD)

    figure(f"sizing: siege -c30 -t30S, one pod each: {load}")
    thousands = load.count / 1000
    for name, seconds in used.most_common():
        memory = f", {held[name] / MIB:.0f} MiB" if name in held else ""
        figure(f"sizing: {name}: {seconds / thousands:.2f} CPU seconds per 1,000{memory}")
    assert load.availability == 100
    assert set(used) == {*APPS, *SERVERS.values()}


def _cpu_seconds() -> Counter[str]:
    """By service, all its pods and containers; and by server beside the cluster."""
    found = _sums(USED)
    for process in psutil.Process().children(recursive=True):
        if (server := SERVERS.get(process.name())) is not None:
            times = process.cpu_times()
            found[server] += times.user + times.system
    return found


def _sums(pattern: re.Pattern[str]) -> Counter[str]:
    (node,) = kubectl("get", "nodes", "--output=name").split()
    text = kubectl(
        "get", "--raw", f"/api/v1/{node.replace('node', 'nodes')}/proxy/metrics/resource"
    )
    found = Counter[str]()
    for app, value in pattern.findall(text):
        found[app] += float(value)
    return found
