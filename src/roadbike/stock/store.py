"""Bikes, allocations and the ledger at rest."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    or_,
    select,
    true,
    update,
)

from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import BigId, Status, UtcTime, utc_now
from roadbike.kit.db.paging import Paging, SortOrder
from roadbike.kit.db.rows import Rows
from roadbike.stock.domain import Allocation, Bike, Movement, State, Why

LARGEST_NUMBER: Final = 2**31 - 1

metadata: Final = MetaData()

BIKE: Final = Table(
    "bike",
    metadata,
    Column("bike_id", Integer, primary_key=True, autoincrement=False),
    Column("bike_name", String(200), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("stock_quantity", Integer, nullable=False),
    Column("held_quantity", Integer, nullable=False),
    Column("brand", String(100)),
    Column("frame_size", String(20)),
    Column("colour", String(50)),
    Column("description", Text),
    Column("withdrawn", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("free_seq", BigInteger, nullable=False),
    Column("row_version", BigInteger, nullable=False),
    CheckConstraint("0 <= held_quantity AND held_quantity <= stock_quantity", name="bike_held"),
)

ALLOCATION: Final = Table(
    "allocation",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("bike_id", Integer, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("reserve_seq", BigInteger),
    Column("cancelled", Boolean, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("started", Boolean, nullable=False),
    Column("returned", Boolean, nullable=False),
    Column("state", Status(State), nullable=False),
    Column("row_version", BigInteger, nullable=False),
)

LEDGER: Final = Table(
    "ledger",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("bike_id", Integer, nullable=False),
    Column("delta", Integer, nullable=False),
    Column("why", Status(Why), nullable=False),
    Column("reservation_id", Uuid),
    Column("at", UtcTime, nullable=False, default=utc_now()),
    UniqueConstraint("reservation_id", "why", name="ledger_once"),  # a unit leaves once
    Index("ledger_bike", "bike_id"),
)

BIKES: Final = Rows(BIKE, Bike)
ALLOCATIONS: Final = Rows(ALLOCATION, Allocation)

EDITED: Final = (  # by staff; the rest moves under them
    *("bike_name", "price", "stock_quantity", "brand", "frame_size", "colour", "description"),
    *("withdrawn", "version"),
)
SORTS: Final = {
    "price": BIKE.c.price,
    "bikeNm": BIKE.c.bike_name,
    "bikeId": BIKE.c.bike_id,
    "brand": BIKE.c.brand,
    "stockQty": BIKE.c.stock_quantity,
}


async def add(tx: Tx, bike: Bike) -> bool:
    """Put a new bike into the catalogue; False when its number is taken."""
    row = {column.name: getattr(bike, column.name) for column in BIKE.columns}
    return bool(await insert_new(tx, BIKE, [row | {"row_version": 1}]))


async def next_number(tx: Tx) -> int:
    """One more than the greatest, or the first that was left out when that is the last."""
    greatest: int = await tx.scalar(select(func.coalesce(func.max(BIKE.c.bike_id), 0)))
    return greatest + 1 if greatest < LARGEST_NUMBER else await _first_gap(tx)


async def _first_gap(tx: Tx) -> int:
    following = BIKE.alias("following")
    beside = BIKE.outerjoin(following, following.c.bike_id == BIKE.c.bike_id + 1)
    alone = following.c.bike_id.is_(None) & (BIKE.c.bike_id < LARGEST_NUMBER)
    statement = select(func.coalesce(func.min(BIKE.c.bike_id) + 1, 1))
    first: int = await tx.scalar(statement.select_from(beside).where(alone))
    return first


async def edit(tx: Tx, before: Bike, after: Bike) -> Bike | None:
    """Make of one version of a bike the next, unless it has moved on or more units are held.

    Gives the bike as it is now, locked; None when it was not changed.
    """
    unchanged = (BIKE.c.bike_id == before.bike_id) & (BIKE.c.version == before.version)
    values: dict[str, Any] = {name: getattr(after, name) for name in EDITED}
    values["free_seq"] = BIKE.c.free_seq + (after.free_seq - before.free_seq)
    values["row_version"] = BIKE.c.row_version + 1
    enough = BIKE.c.held_quantity <= after.stock_quantity
    done = await tx.execute(update(BIKE).where(unchanged, enough).values(values))
    return await BIKES.locked(tx, before.bike_id) if done.rowcount else None


async def page(tx: Tx, paging: Paging, *, withdrawn: bool) -> tuple[Sequence[Bike], int]:
    """One page of the catalogue and the number of bikes in all of it."""
    wanted = _found(paging.q) & (true() if withdrawn else ~BIKE.c.withdrawn)
    order = [key for by in paging.sort for key in _sorted(by)]
    statement = select(BIKE).where(wanted).order_by(*order, BIKE.c.bike_id)
    rows = await tx.rows(statement.limit(paging.size).offset(paging.offset))
    total: int = await tx.scalar(select(func.count()).select_from(BIKE).where(wanted))
    return [BIKES.state(row) for row in rows], total


def _found(q: str | None) -> ColumnElement[bool]:
    if q is None:
        return true()
    texts = (BIKE.c.bike_name, BIKE.c.brand)
    return or_(*(text.icontains(q, autoescape=True) for text in texts))


def _sorted(by: SortOrder) -> Sequence[ColumnElement[Any]]:
    column = SORTS[by.field]
    direction = column.desc() if by.descending else column.asc()
    return [column.is_(None), direction] if column.nullable else [direction]  # empty ones last


def enter(tx: Tx, movements: Sequence[Movement]) -> None:
    """Into the ledger, at the commit."""
    for movement in movements:
        tx.at_commit(_write_ledger, movement)


async def _write_ledger(tx: Tx, movements: Sequence[Movement]) -> None:
    rows = [
        {"bike_id": m.bike_id, "delta": m.delta, "why": m.why, "reservation_id": m.reservation_id}
        for m in movements
    ]
    await tx.execute(LEDGER.insert(), rows)
