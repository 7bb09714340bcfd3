"""Persistence of the bikes, the allocations and the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

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

from roadbike.contracts.types import (
    BRAND_LENGTH,
    COLOUR_LENGTH,
    FRAME_SIZE_LENGTH,
    MAX_BIKE_ID,
    NAME_LENGTH,
    USER_ID_LENGTH,
)
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import BigId, Status, UtcTime, utc_now
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Rows
from roadbike.kit.pure.refusals import NotFound
from roadbike.stock.domain import Allocation, Bike, Movement, State, Why

metadata: Final = MetaData()

BIKE: Final = Table(
    "bike",
    metadata,
    Column("bike_id", Integer, primary_key=True, autoincrement=False),
    Column("bike_name", String(NAME_LENGTH), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("stock_quantity", Integer, nullable=False),
    Column("held_quantity", Integer, nullable=False),
    Column("brand", String(BRAND_LENGTH)),
    Column("frame_size", String(FRAME_SIZE_LENGTH)),
    Column("colour", String(COLOUR_LENGTH)),
    Column("description", Text),
    Column("withdrawn", Boolean, nullable=False),
    Column("withdrawn_at", UtcTime),
    Column("version", Integer, nullable=False),
    Column("free_seq", BigInteger, nullable=False),
    Column("changed_by", String(USER_ID_LENGTH)),
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
    Column("reserved_at", UtcTime),
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
    Column("recorded_at", UtcTime, nullable=False, default=utc_now()),
    Column("recorded_by", String(USER_ID_LENGTH)),
    UniqueConstraint("reservation_id", "why", name="ledger_once"),  # a unit leaves the shop once
    Index("ledger_bike", "bike_id"),
)

BIKES: Final = Rows(BIKE, Bike)
ALLOCATIONS: Final = Rows(ALLOCATION, Allocation)

EDITED: Final = (  # by staff; events change the other columns meanwhile
    *("bike_name", "price", "stock_quantity", "brand", "frame_size", "colour", "description"),
    *("withdrawn", "withdrawn_at", "version", "changed_by"),
)
SORTABLE: Final = {
    "price": BIKE.c.price,
    "bikeNm": BIKE.c.bike_name,
    "bikeId": BIKE.c.bike_id,
    "brand": BIKE.c.brand,
    "stockQty": BIKE.c.stock_quantity,
}

# the units held for reservations ---------------------------------------------------------


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID], bike_ids: Iterable[int]) -> None:
    """Lock these allocations, then these bikes, in two statements."""
    await ALLOCATIONS.lock(tx, sorted(set(reservation_ids)))
    await BIKES.lock(tx, sorted(set(bike_ids)))


async def locked_or_new(tx: Tx, reservation_id: UUID, bike_id: int) -> Allocation:
    """Return the allocation of the reservation, a new one before the first event about it."""
    return await ALLOCATIONS.locked(tx, reservation_id) or Allocation(
        reservation_id=reservation_id, bike_id=bike_id
    )


def save(tx: Tx, allocation: Allocation) -> None:
    """Write the allocation at the commit."""
    ALLOCATIONS.save(tx, allocation)


# the catalogue ---------------------------------------------------------------------------


async def locked_bike(tx: Tx, bike_id: int) -> Bike | None:
    """Return the bike; None when no bike was registered under that number."""
    return await BIKES.locked(tx, bike_id)


def save_bike(tx: Tx, bike: Bike) -> None:
    """Write the bike at the commit."""
    BIKES.save(tx, bike)


async def get(tx: Tx, bike_id: int, *, withdrawn: bool) -> Bike:
    """Return one bike; a withdrawn one only on request. Raises NotFound."""
    bike = await BIKES.get(tx, bike_id)
    if bike is None or (bike.withdrawn and not withdrawn):
        raise NotFound
    return bike


async def page(tx: Tx, paging: Paging, *, withdrawn: bool) -> tuple[Sequence[Bike], int]:
    """Return one page of the bikes, the withdrawn ones only on request, and how many there are."""
    found = select(BIKE).where(_matches(paging.q))
    if not withdrawn:
        found = found.where(~BIKE.c.withdrawn)
    return await BIKES.page(tx, found, paging, sortable=SORTABLE, then=[BIKE.c.bike_id])


def _matches(q: str | None) -> ColumnElement[bool]:
    if q is None:
        return true()
    texts = (BIKE.c.bike_name, BIKE.c.brand)
    return or_(*(text.icontains(q, autoescape=True) for text in texts))


async def add(tx: Tx, bike: Bike) -> bool:
    """Insert a new bike; return False when its number is taken."""
    row = {column.name: getattr(bike, column.name) for column in BIKE.columns}
    return bool(await insert_new(tx, BIKE, [row | {"row_version": 1}]))


async def next_number(tx: Tx) -> int:
    """Return the greatest bike number plus one, or the first gap when that is beyond the limit."""
    greatest: int = await tx.scalar(select(func.coalesce(func.max(BIKE.c.bike_id), 0)))
    return greatest + 1 if greatest < MAX_BIKE_ID else await _first_gap(tx)


async def _first_gap(tx: Tx) -> int:
    following = BIKE.alias("following")
    beside = BIKE.outerjoin(following, following.c.bike_id == BIKE.c.bike_id + 1)
    alone = following.c.bike_id.is_(None) & (BIKE.c.bike_id < MAX_BIKE_ID)
    statement = select(func.coalesce(func.min(BIKE.c.bike_id) + 1, 1))
    first: int = await tx.scalar(statement.select_from(beside).where(alone))
    return first


async def edit(tx: Tx, before: Bike, after: Bike) -> Bike | None:
    """Replace one version of a bike by the next and return the row, locked.

    Return None, and change nothing, when the bike has another version by now or more units are
    held than `after` has. One UPDATE instead of a lock and a save: units that are held or freed
    meanwhile do not make the edit fail.
    """
    unchanged = (BIKE.c.bike_id == before.bike_id) & (BIKE.c.version == before.version)
    values: dict[str, Any] = {name: getattr(after, name) for name in EDITED}
    values["free_seq"] = BIKE.c.free_seq + (after.free_seq - before.free_seq)
    values["row_version"] = BIKE.c.row_version + 1
    enough = BIKE.c.held_quantity <= after.stock_quantity
    done = await tx.execute(update(BIKE).where(unchanged, enough).values(values))
    return await BIKES.locked(tx, before.bike_id) if done.rowcount else None


# the ledger ------------------------------------------------------------------------------


def add_movements(tx: Tx, movements: Iterable[Movement]) -> None:
    """Write the movements into the ledger at the commit."""
    for movement in movements:
        tx.at_commit(_write_ledger, movement)


async def _write_ledger(tx: Tx, movements: Sequence[Movement]) -> None:
    await tx.execute(LEDGER.insert(), [asdict(movement) for movement in movements])
