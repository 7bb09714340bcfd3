"""Persistence of the bikes, the allocations and the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
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
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    literal,
    or_,
    select,
    text,
    update,
)

from roadbike.contracts.geometry import Geometry
from roadbike.contracts.types import (
    BRAND_LENGTH,
    COLOUR_LENGTH,
    FRAME_SIZE_LENGTH,
    MAX_BIKE_ID,
    NAME_LENGTH,
    USER_ID_LENGTH,
)
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import Insert, insert_new
from roadbike.kit.db.claims import free_only
from roadbike.kit.db.columns import AsJson, BigId, Status, UtcTime, utc_now
from roadbike.kit.db.keyset import Keyset
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Part, Rows
from roadbike.kit.messaging.catching_up import Ends
from roadbike.kit.pure.refusals import NotFound
from roadbike.kit.pure.texts import search_form
from roadbike.stock.domain import RULE, Allocation, Bike, BikeText, Movement, State, Why, bike_text

BATCH: Final = 500  # bikes whose texts are made in one transaction

UNANSWERED: Final = text("registered AND state = 'unseen'")  # without a value: see the index

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
    Column("geometry", AsJson(Geometry)),
    Column("withdrawn", Boolean, nullable=False),
    Column("withdrawn_at", UtcTime),
    Column("version", Integer, nullable=False),
    Column("free_seq", BigInteger, nullable=False),
    Column("changed_by", String(USER_ID_LENGTH)),
    Column("changed_at", UtcTime),
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
    Index(
        "allocation_unanswered", "reserve_seq", sqlite_where=UNANSWERED, postgresql_where=UNANSWERED
    ),
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

BEHIND: Final = Table(  # one row: see stock/behind.py
    "behind",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ends", AsJson(Ends)),
)

BIKES: Final = Rows(BIKE, Bike)
ALLOCATIONS: Final = Rows(ALLOCATION, Allocation)

EDITED: Final = (  # by staff; events change the other columns meanwhile
    *("bike_name", "price", "stock_quantity", "brand", "frame_size", "colour", "description"),
    *("geometry", "withdrawn", "withdrawn_at", "version", "changed_by", "changed_at"),
)
BIKE_TEXT: Final = Table(
    "bike_text",
    metadata,
    Column("bike_id", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("name_key", LargeBinary, nullable=False),
    Column("brand_key", LargeBinary),
    Index("bike_text_name", "name_key", "bike_id", mariadb_length={"name_key": 255}),
)

SOURCE: Final = (
    literal(f"{RULE}\n") + BIKE.c.bike_name + literal("\n") + func.coalesce(BIKE.c.brand, "")
)
WITH_TEXT: Final = BIKE.outerjoin(BIKE_TEXT, BIKE_TEXT.c.bike_id == BIKE.c.bike_id)
BY_TEXT: Final = {"bikeNm": BIKE_TEXT.c.name_key, "brand": BIKE_TEXT.c.brand_key}
BY_NUMBER: Final = Keyset((BIKE.c.bike_id,), descending=False)
SORTABLE: Final = {
    "price": BIKE.c.price,
    "bikeNm": BY_TEXT["bikeNm"],
    "bikeId": BIKE.c.bike_id,
    "brand": BY_TEXT["brand"],
    "stockQty": BIKE.c.stock_quantity,
}


def _replacing(insert: Any) -> Any:
    new = insert.excluded
    changed = {column.name: new[column.name] for column in BIKE_TEXT.columns}
    return insert.on_conflict_do_update(index_elements=[BIKE_TEXT.c.bike_id], set_=changed)


SAVE: Final = Insert(BIKE_TEXT, [field.name for field in fields(BikeText)], _replacing)

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


async def lock_bikes(tx: Tx, bike_ids: Iterable[int]) -> None:
    """Lock these bikes in one statement; `locked_bike` then finds them without another."""
    await BIKES.lock(tx, sorted(set(bike_ids)))


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


async def page(tx: Tx, paging: Paging, *, withdrawn: bool) -> Part[Bike]:
    """Return one page of the bikes, the withdrawn ones only on request, and how many there are."""
    needs_text = paging.q is not None or any(by.field in BY_TEXT for by in paging.sort)
    found = select(BIKE).select_from(WITH_TEXT if needs_text else BIKE)
    if paging.q is not None:
        found = found.where(matches(paging.q))
    if not withdrawn:
        found = found.where(~BIKE.c.withdrawn)
    return await BIKES.page(
        tx, found, paging, sortable=SORTABLE, then=Keyset((BIKE.c.bike_id,), descending=False)
    )


def matches(q: str) -> ColumnElement[bool]:
    """Return whether the text of a bike has that text in it; WITH_TEXT joins the texts."""
    return BIKE_TEXT.c.search_text.contains(search_form(q), autoescape=True)


async def save_texts(tx: Tx, bikes: Iterable[Any]) -> None:
    """Write what these bikes are searched and sorted by. Each has bike_id, bike_name, brand."""
    texts = [bike_text(bike.bike_id, bike.bike_name, bike.brand) for bike in bikes]
    await SAVE.execute(tx, [asdict(text) for text in texts])


async def refresh_texts(tx: Tx, at_most: int = BATCH) -> bool:
    """Make the texts of so many bikes again; return whether there may be more.

    It finds bikes that were written before the table existed or by an older replica, and all of
    them after a change of RULE.
    """
    outdated = or_(BIKE_TEXT.c.source.is_(None), BIKE_TEXT.c.source != SOURCE)
    wanted = select(BIKE.c.bike_id, BIKE.c.bike_name, BIKE.c.brand).select_from(WITH_TEXT)
    some = wanted.where(outdated).order_by(BIKE.c.bike_id).limit(at_most)
    rows = await tx.rows(free_only(some, BIKE))
    await save_texts(tx, [Bike(**row, price=0, stock_quantity=0) for row in rows])
    return len(rows) == at_most


async def add(tx: Tx, bike: Bike) -> bool:
    """Insert a new bike; return False when its number is taken."""
    row = {column.name: getattr(bike, column.name) for column in BIKE.columns}
    if not await insert_new(tx, BIKE, [row | {"row_version": 1}]):
        return False
    await save_texts(tx, [bike])
    return True


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
    if not done.rowcount:
        return None
    await save_texts(tx, [after])
    return await BIKES.locked(tx, before.bike_id)


# the ledger ------------------------------------------------------------------------------


def add_movements(tx: Tx, movements: Iterable[Movement]) -> None:
    """Write the movements into the ledger at the commit."""
    for movement in movements:
        tx.at_commit(_write_ledger, movement)


async def _write_ledger(tx: Tx, movements: Sequence[Movement]) -> None:
    await tx.execute(LEDGER.insert(), [asdict(movement) for movement in movements])
