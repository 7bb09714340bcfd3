"""Prints how fast the NATS adapter is on this machine: python -m tests.kit.broker.figures."""

# ruff: noqa: T201  printing is what it is for

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

import uvloop

from roadbike.kit.messaging.broker import Subscription
from roadbike.kit.messaging.broker.nats import NatsBroker
from tests.kit.broker.messages import TOPIC, a_message, until_connected
from tests.kit.broker.nats_server import NatsServer

COUNT = 40_000
BATCH = 200
SINGLES = 1_000
DATA = b"x" * 300


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = NatsServer(Path(folder))
        server.start()
        broker = NatsBroker(server.url(), "teller")
        try:
            await until_connected(broker)
            await broker.declare(TOPIC)
            await measure(broker)
        finally:
            await broker.close()
            server.kill()


async def measure(broker: NatsBroker) -> None:
    told = [a_message(number, data=DATA) for number in range(COUNT)]
    hearer = await broker.subscribe("mypage", TOPIC)

    rate = stopwatch(COUNT)
    for begin in range(0, COUNT, BATCH):
        await broker.send(told[begin : begin + BATCH])
    print(f"published in batches of {BATCH}: {rate()}")

    rate, left = stopwatch(COUNT), COUNT
    while left:
        received = await hearer.fetch(BATCH, 5)
        await hearer.ack(received)
        left -= len(received)
    print(f"heard and acknowledged: {rate()}")

    rate = stopwatch(SINGLES)
    latencies = await one_by_one(broker, hearer)
    print(f"published one by one: {rate()}")
    cuts = quantiles(latencies, n=100)
    print(f"publish to fetch: p50 {cuts[49] * 1000:.2f} ms, p99 {cuts[98] * 1000:.2f} ms")


async def one_by_one(broker: NatsBroker, hearer: Subscription) -> list[float]:
    latencies: list[float] = []

    async def hear() -> None:
        while len(latencies) < SINGLES:
            received = await hearer.fetch(BATCH, 5)
            now = time.perf_counter()
            latencies.extend(now - float(one.message.data) for one in received)
            await hearer.ack(received)

    async with asyncio.TaskGroup() as group:
        group.create_task(hear())
        for number in range(SINGLES):
            data = f"{time.perf_counter():.9f}".encode()
            await broker.send([a_message(number, data=data)])
    return latencies


def stopwatch(count: int) -> Callable[[], str]:
    begun, cpu = time.perf_counter(), time.process_time()

    def read() -> str:
        seconds, of_cpu = time.perf_counter() - begun, time.process_time() - cpu
        return f"{count / seconds:,.0f}/s, {of_cpu / count * 1e6:.0f} µs of our CPU each"

    return read


if __name__ == "__main__":
    uvloop.run(main())
