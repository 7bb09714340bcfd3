"""Measure what the transactions of a reservation cost: python -m tests.flows.measure_transactions.

It runs the use cases of three services alone, without HTTP and a broker, and prints microseconds of
CPU per reservation or event, here and in PostgreSQL, for batches of several sizes. CPU time of few
processes hardly depends on what else the machine does.
"""

# ruff: noqa: T201  it prints its results

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any, Final

from roadbike.delivery import app as delivery
from roadbike.kit.db import migrate
from roadbike.mypage import app as mypage
from roadbike.reservation import app as reservation
from tests.faults.databases import new_database, silence_logs
from tests.purchase_events import Story
from tests.reservation.builders import a_request, bike_changed
from tests.reservation.measure_limits import database_seconds
from tests.reservation.service_harness import ReservationHarness
from tests.service_harness import ServiceHarness, settings

SIZES: Final = (1, 8, 32, 128)  # items of one transaction
ROUNDS: Final = 4  # after one that warms up
ITEMS: Final = 256  # of one round at most
UNITS: Final = 1_000_000
NOBODY: Final = "http://127.0.0.1:9"  # payment is not called

Work = Callable[[int], Awaitable[None]]


async def main() -> None:
    silence_logs()
    async with new_database("roadbike.reservation") as url, service(reservation, url) as built:
        await measure("reservation: take pending, register", await reserving(built))
    async with new_database("roadbike.mypage") as url, service(mypage, url) as built:
        await measure("my page: a registered reservation", consuming(built))
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'delivery.db')}"
        await migrate.upgrade_async("roadbike.delivery", url)
        async with service(delivery, url) as built:
            await measure("delivery, SQLite: the same", consuming(built))


@asynccontextmanager
async def service(app: ModuleType, url: str) -> AsyncIterator[Any]:
    name = app.__name__.split(".")[1]
    chosen: dict[str, Any] = settings(name, url)
    if name == "reservation":
        chosen["payment_url"] = NOBODY
    built = app.build(app.Settings(**chosen))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(built.db.close)
        for resource in built.resources:
            await stack.enter_async_context(resource)
        yield built


async def reserving(built: Any) -> Work:
    harness = ReservationHarness(built)
    await harness.consume(bike_changed(free=UNITS, free_seq=2))

    async def reserve(size: int) -> None:
        taken = await harness.take_pending(*(a_request() for _ in range(size)))
        await harness.register(*taken)

    return reserve


def consuming(built: Any) -> Work:
    harness = ServiceHarness(built)

    async def consume(size: int) -> None:
        await harness.consume(*(Story().registered() for _ in range(size)))

    return consume


async def measure(what: str, work: Work) -> None:
    print(what)
    for size in SIZES:
        times = max(1, ITEMS // size // 4)
        costs = [await cost(work, size, times) for _ in range(ROUNDS + 1)][1:]
        own, database = (median(column) for column in zip(*costs, strict=True))
        print(f"    {size:>3} at once: {own:6.0f} µs here, {database:5.0f} µs in PostgreSQL")


async def cost(work: Work, size: int, times: int) -> tuple[float, float]:
    """Return the microseconds of CPU for each item: of this process, of PostgreSQL."""
    own, database = time.process_time(), database_seconds()
    for _ in range(times):
        await work(size)
    spent = time.process_time() - own, database_seconds() - database
    own_each, database_each = (1e6 * seconds / (size * times) for seconds in spent)
    return own_each, database_each


if __name__ == "__main__":
    asyncio.run(main())
