"""Reservations and the copy of the catalogue at rest."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Uuid,
    bindparam,
    func,
    select,
)
from sqlalchemy import Sequence as NumberSequence

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit import idempotency
from roadbike.kit.db import Tx
from roadbike.kit.db.columns import Status, UtcTime
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Rows
from roadbike.kit.pure.refusals import NotFound
from roadbike.reservation.domain import Bike, Reservation

metadata: Final = MetaData()

RESERVATION: Final = Table(
    "reservation",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("bike_id", Integer, nullable=False),
    Column("bike_name", String(200), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("user_name", String(200)),
    Column("store_name", String(200), nullable=False),
    Column("reserved_at", UtcTime, nullable=False),
    Column("reservation_status", Status(ReservationStatus), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("zip_code", String(20)),
    Column("address", String(200)),
    Column("bike_version", Integer, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("reserve_seq", BigInteger),
    Column("reason", Status(Reason)),
    Column("answered", Boolean, nullable=False),
    Column("shipped", Boolean, nullable=False),
    Column("delivered", Boolean, nullable=False),
    Column("row_version", Integer, nullable=False),
    Index("reservation_of_user", "user_id", "reserved_at"),
    Index("reservation_pending", "reservation_status", "reserved_at"),
    Index("reservation_served", "registered", "reserved_at"),
    Index("reservation_in_order", "reserve_seq", unique=True),
)

BIKE: Final = Table(
    "bike",
    metadata,
    Column("bike_id", Integer, primary_key=True, autoincrement=False),
    Column("bike_name", String(200), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("brand", String(200)),
    Column("frame_size", String(200)),
    Column("colour", String(200)),
    Column("on_sale", Boolean, nullable=False),
    Column("bike_version", Integer, nullable=False),
    Column("free", BigInteger, nullable=False),
    Column("free_seq", BigInteger, nullable=False),
    Column("unanswered", Integer, nullable=False),
    Column("as_of", UtcTime),
    Column("row_version", Integer, nullable=False),
)

KEY: Final = idempotency.table(metadata)
RESERVE_SEQ: Final = NumberSequence("reserve_seq", metadata=metadata)

RESERVATIONS: Final = Rows(RESERVATION, Reservation)
BIKES: Final = Rows(BIKE, Bike)

DRAWN: Final = select(RESERVE_SEQ.next_value()).select_from(
    func.generate_series(1, bindparam("how_many", type_=Integer))
)
PENDING: Final = RESERVATION.c.reservation_status == ReservationStatus.PENDING
SORTABLE: Final = {"reserveDt": RESERVATION.c.reserved_at, "price": RESERVATION.c.price}
NEWEST_FIRST: Final = (  # those of one batch have one time: without the id pages would overlap
    (RESERVATION.c.reserved_at, True),
    (RESERVATION.c.reservation_id, True),
)


async def lock_reservations(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    await RESERVATIONS.lock(tx, reservation_ids)


async def lock_bikes(tx: Tx, bike_ids: Iterable[int]) -> None:
    await BIKES.lock(tx, bike_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Reservation:
    """Raises NotFound."""
    reservation = await RESERVATIONS.locked(tx, reservation_id)
    if reservation is None:
        raise NotFound
    return reservation


async def locked_bike(tx: Tx, bike_id: int) -> Bike | None:
    return await BIKES.locked(tx, bike_id)


def save(tx: Tx, reservation: Reservation) -> None:
    RESERVATIONS.save(tx, reservation)


def save_bike(tx: Tx, bike: Bike) -> None:
    BIKES.save(tx, bike)


async def draw_reserve_seqs(tx: Tx, how_many: int) -> Sequence[int]:
    """Numbers in the order of registration."""
    if tx.db.dialect == "sqlite":  # no sequences there, and one writer at a time
        last = await tx.scalar(select(func.coalesce(func.max(RESERVATION.c.reserve_seq), 0)))
        return range(last + 1, last + 1 + how_many)
    return (await tx.execute(DRAWN, {"how_many": how_many})).scalars().all()


async def get(tx: Tx, reservation_id: UUID, *, owner: str | None) -> Reservation:
    """Raises NotFound when there is none, or none of this owner's (None: anybody's)."""
    found = _served(owner).where(RESERVATION.c.reservation_id == reservation_id)
    row = await tx.row(found)
    if row is None:
        raise NotFound
    return RESERVATIONS.state(row)


async def intent(tx: Tx, reservation_id: UUID) -> Reservation | None:
    """The reservation while it is an intent; None when it was cancelled meanwhile."""
    reservation = await RESERVATIONS.get(tx, reservation_id)
    if reservation is None:
        return None
    is_intent = reservation.reservation_status is ReservationStatus.PENDING
    return reservation if is_intent else None


async def page(tx: Tx, paging: Paging, *, owner: str | None) -> tuple[Sequence[Reservation], int]:
    """One page of the reservations, newest first unless sorted, and how many there are."""
    found = _served(owner)
    total = await tx.scalar(select(func.count()).select_from(found.subquery()))
    asked = [(SORTABLE[by.field], by.descending) for by in paging.sort]
    order = [
        column.desc() if descending else column.asc()
        for column, descending in (*asked, *NEWEST_FIRST)
    ]
    rows = await tx.rows(found.order_by(*order).offset(paging.offset).limit(paging.size))
    return [RESERVATIONS.state(row) for row in rows], total


async def catalogue(tx: Tx, paging: Paging) -> tuple[Sequence[Bike], int]:
    """One page of the bikes on sale, by number unless sorted, and how many there are."""
    on_sale = select(BIKE).where(BIKE.c.on_sale)
    total = await tx.scalar(on_sale.with_only_columns(func.count()))
    asked = [BIKE.c.price.desc() if by.descending else BIKE.c.price.asc() for by in paging.sort]
    rows = await tx.rows(
        on_sale.order_by(*asked, BIKE.c.bike_id).offset(paging.offset).limit(paging.size)
    )
    return [BIKES.state(row) for row in rows], total


async def old_intents(tx: Tx, age: timedelta, at_most: int) -> Sequence[UUID]:
    """Intents that nobody has completed for that long, by the database's clock."""
    before = (await tx.now()) - age
    statement = (
        select(RESERVATION.c.reservation_id)
        .where(PENDING, RESERVATION.c.reserved_at < before)
        .order_by(RESERVATION.c.reserved_at)
        .limit(at_most)
    )
    return [row["reservation_id"] for row in await tx.rows(statement)]


def free_key(tx: Tx, reservation_id: UUID) -> None:
    """Its idempotency key goes with the reservation: the next request starts anew."""
    tx.at_commit(_free_keys, reservation_id)


async def forget_old_keys(tx: Tx) -> bool:
    """Whether there may be more of them."""
    return await idempotency.delete_old(tx, KEY)


async def count_pending(tx: Tx) -> int:
    return int(await tx.scalar(select(func.count()).where(PENDING)))


async def _free_keys(tx: Tx, reservation_ids: Sequence[UUID]) -> None:
    await idempotency.release(tx, KEY, reservation_ids)


def _served(owner: str | None) -> Select[Any]:
    served = select(RESERVATION).where(RESERVATION.c.registered)
    return served if owner is None else served.where(RESERVATION.c.user_id == owner)
