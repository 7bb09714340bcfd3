"""Measure the speed of the NATS adapter: python -m tests.kit.broker.measure_nats."""

# ruff: noqa: T201  it prints its results

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import uvloop

from roadbike.kit.messaging.broker import Subscription
from roadbike.kit.messaging.broker.nats import NatsBroker
from tests.kit.broker.messages import GROUPS, TOPIC, a_message, wait_until_connected
from tests.kit.broker.nats_server import NatsServer

COUNT = 40_000
BATCH = 200
SINGLES = 1_000
DATA = b"x" * 300
EVENT = b'{"reservationId":"%s"}' % (b"x" * 280)
ROUNDS = 2
MEASURED = 8_000
SIZES = (2, 10, 50)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = NatsServer(Path(folder))
        server.start()
        try:
            for round_ in range(ROUNDS):
                for batches in (False, True):
                    topic = f"bike.{'several' if batches else 'one'}-{round_}"
                    print(f"{'several events' if batches else 'one event'} in a message:")
                    await measure_form(server, topic, batches=batches)
            broker = NatsBroker(server.url(), "reservation")
            await wait_until_connected(broker)
            await measure(broker)
            await broker.close()
        finally:
            server.kill()


async def measure_form(server: NatsServer, topic: str, *, batches: bool) -> None:
    """Print the CPU time of one event here and in the server: sent, and consumed by a group."""
    broker = NatsBroker(server.url(), "reservation", batches=batches)
    await wait_until_connected(broker)
    await broker.set_up({topic: ("mypage",)})
    subscription = await broker.subscribe("mypage", topic)
    sent = [replace(a_message(number, data=EVENT), topic=topic) for number in range(MEASURED)]
    for size in SIZES:
        here, there, left = time.process_time(), server.cpu_seconds(), MEASURED
        for begin in range(0, MEASURED, size):
            await broker.send(
                [replace(each, event_id=uuid4()) for each in sent[begin : begin + size]]
            )
            while left > MEASURED - min(begin + size, MEASURED):
                received = await subscription.fetch(BATCH, 5)
                await subscription.ack(received)
                left -= len(received)
        here, there = time.process_time() - here, server.cpu_seconds() - there
        each = f"{here / MEASURED * 1e6:.0f} µs here, {there / MEASURED * 1e6:.0f} µs in the server"
        print(f"  sent and consumed {size} at a time: {each}")
    await broker.close()


async def measure(broker: NatsBroker) -> None:
    await broker.set_up(GROUPS)
    sent = [a_message(number, data=DATA) for number in range(COUNT)]
    subscription = await broker.subscribe("mypage", TOPIC)

    rate = stopwatch(COUNT)
    for begin in range(0, COUNT, BATCH):
        await broker.send(sent[begin : begin + BATCH])
    print(f"sent in batches of {BATCH}: {rate()}")

    rate, left = stopwatch(COUNT), COUNT
    while left:
        received = await subscription.fetch(BATCH, 5)
        await subscription.ack(received)
        left -= len(received)
    print(f"fetched and acknowledged: {rate()}")

    rate = stopwatch(SINGLES)
    latencies = await one_by_one(broker, subscription)
    print(f"sent one by one: {rate()}")
    cuts = quantiles(latencies, n=100)
    print(f"send to fetch: p50 {cuts[49] * 1000:.2f} ms, p99 {cuts[98] * 1000:.2f} ms")


async def one_by_one(broker: NatsBroker, subscription: Subscription) -> list[float]:
    latencies: list[float] = []

    async def consume() -> None:
        while len(latencies) < SINGLES:
            received = await subscription.fetch(BATCH, 5)
            now = time.perf_counter()
            latencies.extend(now - float(r.message.data) for r in received)
            await subscription.ack(received)

    async with asyncio.TaskGroup() as group:
        group.create_task(consume())
        for number in range(SINGLES):
            data = f"{time.perf_counter():.9f}".encode()
            await broker.send([a_message(number, data=data)])
    return latencies


def stopwatch(count: int) -> Callable[[], str]:
    started, cpu_started = time.perf_counter(), time.process_time()

    def read() -> str:
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        return (
            f"{count / seconds:,.0f}/s, {cpu / count * 1e6:.0f} µs of CPU time of this process each"
        )

    return read


if __name__ == "__main__":
    uvloop.run(main())
