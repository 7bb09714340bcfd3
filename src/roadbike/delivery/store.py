"""Deliveries at rest: one row per reservation, made by whichever message comes first."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Uuid,
    func,
    select,
)

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery.domain import Delivery
from roadbike.kit.db import Tx
from roadbike.kit.db.columns import Status, UtcTime
from roadbike.kit.db.paging import Paging, SortOrder
from roadbike.kit.db.rows import Rows
from roadbike.kit.pure.refusals import NotFound

metadata: Final = MetaData()

DELIVERY: Final = Table(
    "delivery",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("delivery_id", Uuid, nullable=False, unique=True),
    Column("bike_id", Integer, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("allocated", Boolean, nullable=False),
    Column("reservation_cancelled", Boolean, nullable=False),
    Column("payment_cancelled", Boolean, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("delivery_status", Status(DeliveryStatus)),
    Column("payment_id", Uuid),
    Column("user_id", String(64)),
    Column("user_name", String(200)),
    Column("zip_code", String(200)),
    Column("address", String(200)),
    Column("delivered_at", UtcTime),
    Column("carrier", String(200)),
    Column("tracking_number", String(200)),
    Column("row_version", Integer, nullable=False),
    Index("delivery_of_user", "user_id", "delivery_id"),
)

DELIVERIES: Final = Rows(DELIVERY, Delivery)

SERVED: Final = DELIVERY.c.delivery_status.is_not(None)  # without a parcel it is no delivery yet
SORTABLE: Final = {"deliveryId": DELIVERY.c.delivery_id, "deliveryDt": DELIVERY.c.delivered_at}


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    await DELIVERIES.lock(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Delivery | None:
    """The delivery of the reservation; None when nothing of it was heard before."""
    return await DELIVERIES.locked(tx, reservation_id)


async def served_locked(tx: Tx, delivery_id: UUID) -> Delivery:
    """Raises NotFound when no parcel bears that id."""
    reservation_id = await tx.scalar(
        select(DELIVERY.c.reservation_id).where(DELIVERY.c.delivery_id == delivery_id, SERVED)
    )
    delivery = await DELIVERIES.locked(tx, reservation_id)
    if delivery is None:
        raise NotFound
    return delivery


def save(tx: Tx, delivery: Delivery) -> None:
    DELIVERIES.save(tx, delivery)


async def get(tx: Tx, delivery_id: UUID, *, owner: str | None) -> Delivery:
    """Raises NotFound when there is none, or none of this owner's (None: anybody's)."""
    row = await tx.row(_served(owner).where(DELIVERY.c.delivery_id == delivery_id))
    if row is None:
        raise NotFound
    return DELIVERIES.state(row)


async def page(
    tx: Tx, paging: Paging, *, owner: str | None, reservation_id: UUID | None
) -> tuple[Sequence[Delivery], int]:
    """One page of the served deliveries, newest first unless sorted, and how many there are."""
    found = _served(owner)
    if reservation_id is not None:
        found = found.where(DELIVERY.c.reservation_id == reservation_id)
    total = await tx.scalar(select(func.count()).select_from(found.subquery()))
    order = [by for asked in paging.sort for by in _sorted(asked)]
    rows = await tx.rows(
        found.order_by(*order, DELIVERY.c.delivery_id.desc())
        .offset(paging.offset)
        .limit(paging.size)
    )
    return [DELIVERIES.state(row) for row in rows], total


def _served(owner: str | None) -> Select[Any]:
    found = select(DELIVERY).where(SERVED)
    return found if owner is None else found.where(DELIVERY.c.user_id == owner)


def _sorted(by: SortOrder) -> list[ColumnElement[Any]]:
    column = SORTABLE[by.field]
    last = column.is_(None)  # what has not left yet comes last either way, on every database
    return [last, column.desc() if by.descending else column.asc()]
