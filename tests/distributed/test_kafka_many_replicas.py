"""Three replicas of every service on Kafka, while those that hold a lease are killed and frozen."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals

import pytest

from roadbike.kit.messaging.sent import LEASE_NAME
from roadbike.ops.audit.reading import reading
from tests.distributed.kafka_server import KafkaCluster
from tests.distributed.stack import stack
from tests.distributed.test_kafka_shop import audited
from tests.mariadb import MariaDBServer
from tests.system import audit
from tests.system.real_shop import SERVICES, Shop, temporary_shop
from tests.system.shop_client import ShopClient, open_client, until, until_all_ready
from tests.system.test_chaos import Done, buy, logged_in, plans, wrong_pages

pytestmark = pytest.mark.distributed

REPLICAS = [f"--replicas={service}=3" for service in SERVICES]
PUBLISHERS = ("stock", "reservation", "payment", "delivery")
FROZEN_SECONDS = 7.0  # longer than the term of a lease, shorter than the watchdog waits
SETTLE_SECONDS = 120.0
HOLDER = "SELECT holder FROM lease WHERE name = '{name}'"
AT_ONCE = 6  # buyers


@pytest.fixture(scope="module")
def replicated(kafka_server: KafkaCluster, mariadb_server: MariaDBServer) -> Iterator[Shop]:
    with stack(kafka_server, mariadb_server) as environ, temporary_shop(environ) as shop:
        opened = shop.up(*REPLICAS)
        assert opened.code == 0, opened
        yield shop


async def holder(shop: Shop, service: str) -> str:
    """Return who holds the lease of the service's relay: a replica, and the process it is now."""
    statement, url = HOLDER.format(name=LEASE_NAME), shop.shop_file["databases"][service]
    async with reading(url) as connection:
        name = (await connection.exec_driver_sql(statement)).scalar_one()
    return str(name)


async def end_lease(shop: Shop, service: str, number: Signals) -> str:
    """Kill or freeze the holder; return its replica when another process holds the lease.

    That may be the same replica, which was started again.
    """
    before = await holder(shop, service)
    part = before.split()[0]
    pid = shop.pids[part]
    os.kill(pid, number)
    frozen_until = time.monotonic() + FROZEN_SECONDS

    async def now() -> str:
        return await holder(shop, service)

    await until(now, lambda held: held != before, f"{service} has another sender", 30)
    if number is SIGSTOP:
        await asyncio.sleep(max(frozen_until - time.monotonic(), 0))
        os.kill(pid, SIGCONT)
    return part


async def buy_meanwhile(client: ShopClient, bike_id: int, over: asyncio.Event) -> list[Done]:
    """Make purchases of all kinds, some at a time, until it is over."""
    buyers = [await logged_in(client, name) for name in ("buyer", "buyer2")]
    wanted, done = cycle(plans(buyers)), list[Done]()

    async def one_after_another() -> None:
        while not over.is_set():
            done.append(await buy(next(wanted), bike_id, client.admin))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_another())
    return done


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.long)])
async def test_nothing_is_lost_while_holders_of_leases_are_killed_and_frozen(
    replicated: Shop, rounds: int
) -> None:
    async with open_client(replicated) as client:
        bike_id, over = await client.bike(units=100_000), asyncio.Event()
        buying = asyncio.create_task(buy_meanwhile(client, bike_id, over))
        ended: Counter[str] = Counter()
        for number in islice(cycle((SIGKILL, SIGSTOP)), rounds):
            await until_all_ready(replicated)
            assert not buying.done(), buying.exception()
            parts = [end_lease(replicated, service, number) for service in PUBLISHERS]
            ended.update(f"{number.name} {part}" for part in await asyncio.gather(*parts))
        over.set()
        done = await buying

        print(f"{len(done)} purchases; {dict(ended)}")  # noqa: T201
        await until_all_ready(replicated)
        await client.settle(SETTLE_SECONDS)
        after = await audit.read(replicated)
        assert after.faults() == []
        made = {one.order.reserve_id for one in done}
        assert made <= after.registered(one.plan.buyer.name for one in done)
        assert await wrong_pages(done) == []
        await audited(replicated)
