"""The reservation service under test: its steps one by one, its timed work, its rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from roadbike.contracts.reasons import Reason
from roadbike.kit.db import Database
from roadbike.kit.process.service import Timed
from roadbike.kit.pure.refusals import Refusal
from roadbike.reservation import store
from roadbike.reservation.api import render
from roadbike.reservation.domain import Bike, Reservation
from roadbike.reservation.use_cases import steps
from roadbike.reservation.use_cases.steps import (
    OpenedPending,
    Receipt,
    ReservationRequest,
    Terms,
)
from tests.reservation.builders import TERMS, a_request
from tests.service_harness import ServiceHarness


class ReservationHarness(ServiceHarness):
    """Runs the parts of the service on its own database, without a server."""

    async def take_pending(self, *requests: ReservationRequest, terms: Terms = TERMS) -> list[Any]:
        return await self.db.transact(lambda tx: steps.take_pending(tx, requests, terms))

    async def pending(self, name: str | None = None, **fields: Any) -> Reservation:
        """Take one pending reservation."""
        (pending,) = await self.take_pending(a_request(name, **fields))
        assert isinstance(pending, Reservation), pending
        return pending

    async def register(self, *pending: Reservation) -> list[Any]:
        opened = [OpenedPending(one.reservation_id, keyed=True) for one in pending]
        return await self.db.transact(lambda tx: steps.register(tx, opened, render))

    async def reserve(self, name: str | None = None, **fields: Any) -> Reservation:
        """Take one pending reservation and register it."""
        (receipt,) = await self.register(await self.pending(name, **fields))
        assert isinstance(receipt, Receipt), receipt
        return await self.reservation(receipt.reservation_id)

    async def give_up(self, *pending: Reservation) -> None:
        ids = [one.reservation_id for one in pending]
        await self.db.transact(lambda tx: steps.give_up(tx, ids, Reason.NOT_OPENED))

    async def run_timed(self, name: str) -> None:
        """Run that timed work once, as the runtime does at start and then repeatedly."""
        (timed,) = [timed for timed in self.service.timed if _name(timed) == name]
        await timed.do(self.db)

    async def age(self, **by: float) -> None:
        await age(self.db, **by)

    async def bike(self, bike_id: int = 1) -> Bike:
        async with self.db.read() as tx:
            bike = await store.BIKES.get(tx, bike_id)
        assert bike is not None
        return bike

    async def reservation(self, reservation_id: UUID) -> Reservation:
        async with self.db.read() as tx:
            reservation = await store.RESERVATIONS.get(tx, reservation_id)
        assert reservation is not None
        return reservation

    async def count_rows(self) -> tuple[int, int]:
        return await count_rows(self.db)

    async def state(self) -> Sequence[Any]:
        """Return all rows, to be compared; how often they were saved does not count."""
        async with self.db.read() as tx:
            tables = [(t, t.primary_key) for t in (store.RESERVATION, store.BIKE, store.KEY)]
            found = [await tx.rows(select(t).order_by(*key.columns)) for t, key in tables]
        return [[{**row, "row_version": None} for row in rows] for rows in found]


async def age(db: Database, **by: float) -> None:
    """Make all reservations and keys older by that much (timedelta's arguments)."""
    async with db.begin() as tx:
        for column in (store.RESERVATION.c.reserved_at, store.KEY.c.created_at):
            rows = await tx.rows(select(column).distinct().order_by(column))
            for then in [row[column.name] for row in rows]:
                older = {column.name: then - timedelta(**by)}
                await tx.execute(update(column.table).where(column == then).values(older))


async def count_rows(db: Database) -> tuple[int, int]:
    """Return the number of reservations, pending ones included, and of idempotency keys."""
    async with db.read() as tx:
        reservations, keys = [
            await tx.scalar(select(func.count()).select_from(table))
            for table in (store.RESERVATION, store.KEY)
        ]
    return reservations, keys


def slugs(results: Sequence[Any]) -> list[str]:
    """Return what each request of a batch came to: the refusal's slug, or "taken"."""
    return [result.slug if isinstance(result, Refusal) else "taken" for result in results]


def _name(timed: Timed) -> str:
    name: str = timed.do.__name__
    return name
