"""Races 3: two relays send 50,000 events each, one of an outbox with 1,000,000 sent events, one of
an outbox without; measured are the events sent in a second, batch by batch in turn, to a broker
in memory and then to NATS; the fault is less than half of the speed with history.
"""

import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.messaging.broker import BrokerUnavailable
from roadbike.kit.messaging.relay import Relay
from tests.faults.databases import another_database, execute, new_database, opened
from tests.faults.history import add_backlog, add_sent, relay_to_memory, relay_to_nats
from tests.faults.outcome import Outcome, run, say
from tests.kit.broker.nats_server import NatsServer

HISTORY: Final = 1_000_000
BACKLOG: Final = 50_000
LEAST_SHARE: Final = 0.5
LONGEST_SECONDS: Final = 60  # then what was sent by then counts
BUSY: Final = (DatabaseUnavailable, BrokerUnavailable)  # on a machine with much other work


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    async with (
        new_database("roadbike.stock") as url,
        opened(url) as old,
        another_database(url, "roadbike.stock") as young_url,
        opened(young_url) as young,
    ):
        dbs = old, young
        relays = [await relay_to_memory(db) for db in dbs]
        await add_sent(old, HISTORY)
        share = await compared(dbs, relays, "in memory")
        for relay in relays:
            await relay.stop()
        if share >= LEAST_SHARE:
            await compared_with_nats(dbs)
    text = f"the speed with {HISTORY} sent events is {share:.0%} of the speed without"
    return Outcome(share < LEAST_SHARE, text)


async def compared_with_nats(dbs: Sequence[Database]) -> None:
    async with nats_server() as server:
        relays = [await relay_to_nats(db, server) for db in dbs]
        await compared(dbs, relays, "NATS")
        for relay in relays:
            await relay.broker.close()


async def compared(dbs: Sequence[Database], relays: Sequence[Relay], name: str) -> float:
    """Send a backlog of each; return the speed of the first relative to that of the second."""
    for db in dbs:
        await add_backlog(db, BACKLOG)
        await execute(db, "ANALYZE outbox")
    took, sent, last = [0.0, 0.0], [0, 0], [1, 1]
    while any(last) and max(took) < LONGEST_SECONDS:
        for which, relay in enumerate(relays):  # in turn: what else the machine does concerns both
            began = time.perf_counter()
            with suppress(*BUSY):  # the relay tries again, too
                last[which] = await relay.relay_once()
                sent[which] += last[which]
            took[which] += time.perf_counter() - began
    speeds = [number / seconds for number, seconds in zip(sent, took, strict=True)]
    say(f"{name}: {speeds[0]:.0f} events/s with {HISTORY} sent ones, {speeds[1]:.0f} without")
    return speeds[0] / speeds[1]


@asynccontextmanager
async def nats_server() -> AsyncIterator[NatsServer]:
    with tempfile.TemporaryDirectory(prefix="roadbike-faults-") as folder:
        server = NatsServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()


if __name__ == "__main__":
    raise SystemExit(main())
