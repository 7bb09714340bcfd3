"""How fast 1, 2 and 4 relays send to a real Kafka server.

`python -m tests.distributed.measure_relays`. Each is a process with an outbox and a sender of its
own, as one relay for each shard of the keys would be; all send to one topic, from one PostgreSQL
server. Printed are the events a second of all of them together, and the CPU time of the relays for
one event.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from roadbike.kit.db import migrate
from roadbike.kit.messaging.broker import TopicOptions, connect
from roadbike.kit.messaging.relay import Relay
from tests.distributed.kafka_server import KafkaCluster
from tests.faults.databases import execute, opened, silence_logs
from tests.faults.history import TOPIC, add_backlog
from tests.faults.outcome import say
from tests.kit.broker.messages import wait_until_connected
from tests.postgres import PostgresServer

COUNTS: Final = (1, 2, 4)
EVENTS: Final = 20_000  # in all
SERVICE: Final = "reservation"
ONE_COPY: Final = TopicOptions(replication=1, min_in_sync=1)


async def main() -> None:
    silence_logs()
    server = PostgresServer()
    with tempfile.TemporaryDirectory(prefix="roadbike-measure-") as folder:
        cluster = KafkaCluster(Path(folder))
        try:
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(cluster.start)
            await make_topic(cluster)
            for count in COUNTS:
                say(await measured(server, cluster, count))
        finally:
            await asyncio.to_thread(cluster.kill)
            await asyncio.to_thread(server.remove)


async def make_topic(cluster: KafkaCluster) -> None:
    broker = connect(f"kafka://{cluster.addresses}", "set-up", topics=ONE_COPY)
    await wait_until_connected(broker)
    await broker.set_up({TOPIC: ()})
    await broker.close()


async def measured(server: PostgresServer, cluster: KafkaCluster, count: int) -> str:
    """Let so many relays send; return what was seen."""
    urls = [
        await filled(server, f"shard_{count}_{number}", EVENTS // count) for number in range(count)
    ]
    relays = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.distributed.measure_relays"),
            *(url, cluster.addresses, f"{SERVICE}-{number}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for number, url in enumerate(urls)
    ]
    for relay in relays:
        assert relay.stdout is not None
        await relay.stdout.readline()  # it is connected
    began = time.monotonic()
    answers = await asyncio.gather(*(relay.communicate(b"go\n") for relay in relays))
    took = time.monotonic() - began
    cpu = sum(float(out) for out, _ in answers)
    return f"{count} relays: {EVENTS / took:.0f} events/s, {cpu / EVENTS * 1e6:.0f} µs CPU for each"


async def filled(server: PostgresServer, name: str, events: int) -> str:
    """Return the URL of a new database with so many events in its outbox."""
    await server.execute(f"CREATE DATABASE {name}")
    await migrate.upgrade_async("roadbike.reservation", server.url(name))
    async with opened(server.url(name)) as db:
        await add_backlog(db, events)
        await execute(db, "ANALYZE outbox")
    return server.url(name)


async def relay_all(url: str, servers: str, sender: str) -> None:
    """Send the whole outbox when a line is read; print the CPU time that it took, in seconds."""
    silence_logs()
    async with opened(url) as db:
        broker = connect(f"kafka://{servers}", sender)
        await wait_until_connected(broker)
        await broker.take_over()
        relay = Relay(db.background, broker, SERVICE)
        sys.stdout.write("connected\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        began = time.process_time()
        while await relay.relay_once():
            pass
        sys.stdout.write(f"{time.process_time() - began}\n")
        await broker.close()


if __name__ == "__main__":
    asyncio.run(relay_all(*sys.argv[1:]) if len(sys.argv) > 1 else main())
