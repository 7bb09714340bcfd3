"""All timed work is shared by the replicas: it waits for no lock, and does each piece once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.process.runtime import Runtime
from roadbike.kit.process.service import Service, Timed
from roadbike.local.services import SERVICES
from tests.flows.built import built
from tests.flows.explained import fill
from tests.flows.timed_work import ALL, ELSEWHERE, PIECES, Work, name_of

MANY = 40  # pieces, for two replicas
# of these it is counted how often each piece was done
COUNTED = [work for work in ALL if work.service in {"payment", "reservation"} and work.is_saved]
ROOT = Path(__file__).parents[2]


@dataclass
class Given:
    """A service whose database has pieces of one timed work, all of them due."""

    url: str
    service: Service
    work: Work

    async def do(self, service: Service | None = None) -> None:
        await timed(service or self.service)[self.work.job].do(self.service.db.background)

    async def saves(self) -> dict[int, int]:
        """Return how often rows were saved: number of saves, number of rows."""
        counted = "SELECT row_version, count(*) FROM {} GROUP BY row_version"
        async with self.service.db.read() as tx:
            found = await tx.execute(text(counted.format(self.work.tables[0].name)))
            return {row[0]: row[1] for row in found}

    async def left(self) -> set[Any]:
        async with self.service.db.read() as tx:
            return set((await tx.execute(text(self.work.left))).scalars())


def timed(service: Service) -> dict[str, Timed]:
    """Return the timed work of the service, kit's included, by name."""
    return {name_of(one.do): one for one in Runtime(service, MemoryBroker(MemoryLog())).timed}


@asynccontextmanager
async def running(name: str, url: str, journal: str) -> AsyncIterator[Service]:
    async with AsyncExitStack() as stack:
        service = built(name, url, journal)
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        yield service


@asynccontextmanager
async def given(
    work: Work, pieces: int, migrated_url: Callable[..., str], journal: str
) -> AsyncIterator[Given]:
    url = migrated_url(f"roadbike.{work.service}")
    async with running(work.service, url, journal) as service:
        for table in work.tables:
            await fill(service.db, table, pieces)
        async with service.db.begin() as tx:
            for statement in work.due:
                await tx.execute(text(statement))
        yield Given(url, service, work)


@asynccontextmanager
async def locked(url: str, statement: str, key: object) -> AsyncIterator[None]:
    """Lock the rows of the statement in a session that may be idle for any time."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text(statement), {"key": key})
        yield


@pytest.mark.parametrize(
    ("work", "lock"), [(work, lock) for work in ALL for lock in range(len(work.locks))], ids=str
)
async def test_work_leaves_what_is_locked_and_does_it_later(
    work: Work, lock: int, migrated_url: Callable[..., str], sqlite_url: str
) -> None:
    async with given(work, PIECES, migrated_url, sqlite_url) as shop:
        first = min(await shop.left())
        async with locked(shop.url, work.locks[lock], first):
            await shop.do()  # it would raise RowLocked after waiting for it
            while_locked = await shop.left()
        await shop.do()

        assert while_locked == {first}
        assert await shop.left() == set()


@pytest.mark.parametrize("work", COUNTED, ids=str)
async def test_two_replicas_do_each_piece_once(
    work: Work, migrated_url: Callable[..., str], sqlite_url: str
) -> None:
    async with (
        given(work, MANY, migrated_url, sqlite_url) as shop,
        running(work.service, shop.url, sqlite_url) as other,
    ):
        await asyncio.gather(shop.do(), shop.do(other))

        assert await shop.left() == set()
        assert await shop.saves() == {2: MANY}  # `fill` is the first


def test_all_timed_work_of_the_shop_is_tested() -> None:
    jobs = {
        (spec.name, name)
        for spec in SERVICES
        for name in timed(built(spec.name, "sqlite+aiosqlite://", "sqlite+aiosqlite://"))
    }
    of_kit = set.intersection(*({job for name, job in jobs if name == s.name} for s in SERVICES))

    tested = {(work.service, work.job) for work in ALL}
    assert {job for _, job in jobs} == {job for _, job in tested} | set(ELSEWHERE)
    assert {(name, job) for name, job in jobs if job not in of_kit} <= tested
    assert all((ROOT / path).exists() for path in ELSEWHERE.values())
