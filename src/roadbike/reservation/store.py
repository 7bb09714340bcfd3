"""Persistence of reservations, of the copy of the catalogue, and of idempotency keys."""

from collections.abc import Iterable, Mapping, Sequence
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
    text,
)
from sqlalchemy import Sequence as NumberSequence

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.contracts.types import PHONE_LENGTH
from roadbike.kit import idempotency
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import among
from roadbike.kit.db.claims import DueRows
from roadbike.kit.db.columns import Status, UtcTime
from roadbike.kit.db.keyset import Keyset
from roadbike.kit.db.mariadb import MARIADB
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Part, Rows
from roadbike.kit.db.statements import Statement
from roadbike.kit.pure.refusals import NotFound
from roadbike.reservation.domain import Bike, Reservation, is_pending

metadata: Final = MetaData()

# A text without parameters: only then do the databases see that the partial index fits a query.
OPEN: Final = text(f"reservation_status <> '{ReservationStatus.CANCELLED.value}' AND NOT shipped")

UNANSWERED: Final = text(
    f"registered AND NOT answered AND reservation_status = '{ReservationStatus.RESERVED.value}'"
)

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
    Column("phone", String(PHONE_LENGTH)),
    Column("bike_version", Integer, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("reserve_seq", BigInteger),
    Column("reason", Status(Reason)),
    Column("cancelled_by", String(64)),
    Column("answered", Boolean, nullable=False),
    Column("shipped", Boolean, nullable=False),
    Column("delivered", Boolean, nullable=False),
    Column("row_version", Integer, nullable=False),
    Index("reservation_of_user", "user_id", "reserved_at"),
    Index("reservation_pending", "reservation_status", "reserved_at"),
    Index("reservation_served", "registered", "reserved_at"),
    Index("reservation_in_order", "reserve_seq", unique=True),
    Index("reservation_open", "user_id", postgresql_where=OPEN, sqlite_where=OPEN),
    Index("reservation_of_bike", "bike_id", "reserved_at"),
    Index("reservation_of_store", "store_name", "reserved_at"),
    Index(
        "reservation_slow",
        "reserved_at",
        postgresql_where=UNANSWERED,
        sqlite_where=UNANSWERED,
    ),
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

DRAWN: Final = Statement(
    lambda _: select(RESERVE_SEQ.next_value().label("number")).select_from(
        func.generate_series(1, bindparam("how_many", type_=Integer))
    )
)
DRAWN_ONE: Final = Statement(lambda _: select(RESERVE_SEQ.next_value().label("number")))
_COUNT_OPEN: Final = Statement(
    lambda dialect: (
        select(RESERVATION.c.user_id, func.count().label("count"))
        .where(among(dialect, RESERVATION.c.user_id), OPEN)
        .group_by(RESERVATION.c.user_id)
    )
)
PENDING: Final = RESERVATION.c.reservation_status == ReservationStatus.PENDING
_PENDING: Final = DueRows(
    select(RESERVATION)
    .select_from(RESERVATION.join(BIKE, BIKE.c.bike_id == RESERVATION.c.bike_id))
    .where(PENDING),
    RESERVATION.c.reserved_at,
    *(RESERVATION, BIKE),
)
SORTABLE: Final = {"reserveDt": RESERVATION.c.reserved_at, "price": RESERVATION.c.price}
CATALOGUE_SORTABLE: Final = {"price": BIKE.c.price}
NEWEST_FIRST: Final = Keyset(  # a batch has one time: without the id, pages would overlap
    (RESERVATION.c.reserved_at, RESERVATION.c.reservation_id)
)
BY_NUMBER: Final = Keyset((BIKE.c.bike_id,), descending=False)


async def lock_reservations(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    """Load and lock them with one statement, in key order."""
    await RESERVATIONS.lock(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Reservation | None:
    """Return the reservation, locked; None when it does not exist."""
    return await RESERVATIONS.locked(tx, reservation_id)


async def locked_or_404(tx: Tx, reservation_id: UUID) -> Reservation:
    """Return the reservation, locked. Raises NotFound when it does not exist."""
    reservation = await locked(tx, reservation_id)
    if reservation is None:
        raise NotFound
    return reservation


def save(tx: Tx, reservation: Reservation) -> None:
    RESERVATIONS.save(tx, reservation)


async def pending(tx: Tx, reservation_id: UUID) -> Reservation | None:
    """Return the reservation, unlocked, if it is still pending."""
    reservation = await RESERVATIONS.get(tx, reservation_id)
    return reservation if reservation and is_pending(reservation) else None


async def claim_pending(tx: Tx, age: timedelta, at_most: int) -> Sequence[Reservation]:
    """Lock and return pending reservations that are at least so old, by the database's clock.

    Also those of the future, which were made before the clock was set back. One that is locked, or
    whose bike is, is left out.
    """
    return RESERVATIONS.remember_claimed(tx, await _PENDING.claim(tx, at_most, age=age))


async def count_pending(tx: Tx) -> int:
    return int(await tx.scalar(select(func.count()).where(PENDING)))


async def count_open(tx: Tx, user_ids: Iterable[str]) -> Mapping[str, int]:
    """Return the number of open reservations of each of these buyers who has any."""
    rows = await tx.rows(_COUNT_OPEN, {"among": list(user_ids)})
    return {row["user_id"]: row["count"] for row in rows}


async def draw_reserve_seqs(tx: Tx, how_many: int) -> Sequence[int]:
    """Return that many numbers, in the order of registration."""
    if tx.db.dialect == "sqlite":  # it has no sequences, and only one writer at a time
        last = await tx.scalar(select(func.coalesce(func.max(RESERVATION.c.reserve_seq), 0)))
        return range(last + 1, last + 1 + how_many)
    if tx.db.dialect == MARIADB:
        return [(await tx.rows(DRAWN_ONE))[0]["number"] for _ in range(how_many)]
    return [row["number"] for row in await tx.rows(DRAWN, {"how_many": how_many})]


async def get(tx: Tx, reservation_id: UUID, *, owner: str | None) -> Reservation:
    """Return a registered reservation of this owner (None: of anyone). Raises NotFound."""
    row = await tx.row(_served(owner).where(RESERVATION.c.reservation_id == reservation_id))
    if row is None:
        raise NotFound
    return RESERVATIONS.state(row)


async def page(tx: Tx, paging: Paging, *, owner: str | None) -> Part[Reservation]:
    """Return one page of the registered reservations, newest first by default, and the total."""
    return await RESERVATIONS.page(tx, _served(owner), paging, sortable=SORTABLE, then=NEWEST_FIRST)


async def lock_bikes(tx: Tx, bike_ids: Iterable[int]) -> None:
    """Load and lock them with one statement, in key order."""
    await BIKES.lock(tx, bike_ids)


async def locked_bike(tx: Tx, bike_id: int) -> Bike | None:
    """Return the copy of the bike, locked; None when no event about it was consumed."""
    return await BIKES.locked(tx, bike_id)


async def locked_bike_or_new(tx: Tx, bike_id: int) -> Bike:
    """Return the copy of the bike, locked; an empty one before the first event about it."""
    return await locked_bike(tx, bike_id) or Bike(bike_id=bike_id)


def save_bike(tx: Tx, bike: Bike) -> None:
    BIKES.save(tx, bike)


async def catalogue_page(tx: Tx, paging: Paging) -> Part[Bike]:
    """Return one page of the bikes on sale, by their number by default, and the total."""
    on_sale = select(BIKE).where(BIKE.c.on_sale)
    return await BIKES.page(tx, on_sale, paging, sortable=CATALOGUE_SORTABLE, then=BY_NUMBER)


def delete_key(tx: Tx, reservation_id: UUID) -> None:
    """Delete the reservation's idempotency key at the commit: its next use is a new request."""
    tx.at_commit(_delete_keys, reservation_id)


async def delete_old_keys(tx: Tx) -> bool:
    """Delete one batch of keys older than their retention; return whether there may be more."""
    return await idempotency.delete_old(tx, KEY)


async def _delete_keys(tx: Tx, reservation_ids: Sequence[UUID]) -> None:
    await idempotency.release(tx, KEY, reservation_ids)


def _served(owner: str | None) -> Select[Any]:
    served = select(RESERVATION).where(RESERVATION.c.registered)
    return served if owner is None else served.where(RESERVATION.c.user_id == owner)
