"""The reservation service as its tests use it: it hears, it tells, its rows can be looked at."""

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
from roadbike.reservation.use_cases.cancel import cancel_intents
from roadbike.reservation.use_cases.reserve import (
    Going,
    Order,
    Receipt,
    Terms,
    register,
    take_intents,
)
from tests.at_work import AtWork
from tests.reservation.things import TERMS, an_order


class Counter(AtWork):
    """Where reservations are taken, step by step or by the clock."""

    async def begin(self, *orders: Order, terms: Terms = TERMS) -> list[Any]:
        """Tx 1 over a batch of orders."""
        return await self.db.transact(lambda tx: take_intents(tx, orders, terms))

    async def intent(self, name: str | None = None, **more: Any) -> Reservation:
        (intent,) = await self.begin(an_order(name, **more))
        assert isinstance(intent, Reservation), intent
        return intent

    async def register(self, *intents: Reservation) -> list[Any]:
        """Tx 2 over a batch of intents."""
        goings = [Going(intent.reservation_id, keyed=True) for intent in intents]
        return await self.db.transact(lambda tx: register(tx, goings, render))

    async def reserve(self, name: str | None = None, **more: Any) -> Reservation:
        (receipt,) = await self.register(await self.intent(name, **more))
        assert isinstance(receipt, Receipt), receipt
        return await self.reservation(receipt.reservation_id)

    async def give_up(self, *intents: Reservation) -> None:
        """Tx 2' over a batch of intents."""
        ids = [intent.reservation_id for intent in intents]
        await self.db.transact(lambda tx: cancel_intents(tx, ids, Reason.NOT_OPENED))

    async def tick(self, name: str) -> None:
        """Do that timed work once, as the runtime does it at start and then again and again."""
        for timed in self.service.timed:
            if _name(timed) == name:
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

    async def rows(self) -> tuple[int, int]:
        return await count_rows(self.db)

    async def state(self) -> Sequence[Any]:
        """All that the service knows, to be compared; how often it was saved does not count."""
        async with self.db.read() as tx:
            tables = [(t, t.primary_key) for t in (store.RESERVATION, store.BIKE, store.KEY)]
            found = [await tx.rows(select(t).order_by(*key.columns)) for t, key in tables]
        return [[{**row, "row_version": None} for row in rows] for rows in found]


async def age(db: Database, **by: float) -> None:
    """Make all that is written so much older (timedelta's arguments)."""
    async with db.begin() as tx:
        for column in (store.RESERVATION.c.reserved_at, store.KEY.c.created_at):
            rows = await tx.rows(select(column).distinct().order_by(column))
            for then in [row[column.name] for row in rows]:
                older = {column.name: then - timedelta(**by)}
                await tx.execute(update(column.table).where(column == then).values(older))


async def count_rows(db: Database) -> tuple[int, int]:
    """How many reservations, intents among them, and how many keys there are."""
    async with db.read() as tx:
        reservations, keys = [
            await tx.scalar(select(func.count()).select_from(table))
            for table in (store.RESERVATION, store.KEY)
        ]
    return reservations, keys


def slugs(results: Sequence[Any]) -> list[str]:
    """What became of each order: the refusal's name, or `taken`."""
    return [result.slug if isinstance(result, Refusal) else "taken" for result in results]


def _name(timed: Timed) -> str:
    name: str = timed.do.__name__
    return name
