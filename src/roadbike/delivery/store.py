"""Persistence of deliveries: one row per reservation, created by the event that comes first."""

from collections.abc import Iterable
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
    select,
)

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.contracts.types import (
    ADDRESS_LENGTH,
    NAME_LENGTH,
    PHONE_LENGTH,
    USER_ID_LENGTH,
    ZIP_CODE_LENGTH,
)
from roadbike.delivery.domain import Delivery
from roadbike.kit.db import Tx
from roadbike.kit.db.columns import Status, UtcTime
from roadbike.kit.db.ids import new_id
from roadbike.kit.db.keyset import Keyset
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Part, Rows
from roadbike.kit.pure.refusals import NotFound

TRACKING_NUMBER_LENGTH: Final = 200

metadata: Final = MetaData()

DELIVERY: Final = Table(
    "delivery",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("delivery_id", Uuid, nullable=False, unique=True),
    Column("bike_id", Integer, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("allocated_bike_id", Integer),
    Column("reservation_cancelled", Boolean, nullable=False),
    Column("payment_cancelled", Boolean, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("delivery_status", Status(DeliveryStatus)),
    Column("payment_id", Uuid),
    Column("paid_bike_id", Integer),
    Column("paid_by", String(USER_ID_LENGTH)),
    Column("paid_price", BigInteger),
    Column("price", BigInteger),
    Column("store_name", String(NAME_LENGTH)),
    Column("user_id", String(USER_ID_LENGTH)),
    Column("user_name", String(NAME_LENGTH)),
    Column("zip_code", String(ZIP_CODE_LENGTH)),
    Column("address", String(ADDRESS_LENGTH)),
    Column("phone", String(PHONE_LENGTH)),
    Column("prepared_at", UtcTime),
    Column("delivered_at", UtcTime),
    Column("carrier", String(NAME_LENGTH)),
    Column("tracking_number", String(TRACKING_NUMBER_LENGTH)),
    Column("changed_by", String(USER_ID_LENGTH)),
    Column("row_version", Integer, nullable=False),
    Index("delivery_of_user", "user_id", "delivery_id"),
    Index("delivery_by_status", "delivery_status", "delivery_id"),
    Index("delivery_of_bike", "bike_id", "delivery_id"),
    Index("delivery_of_store", "store_name", "delivery_id"),
    Index("delivery_by_day", "delivered_at", "delivery_id"),
)

DELIVERIES: Final = Rows(DELIVERY, Delivery)

SERVED: Final = DELIVERY.c.delivery_status.is_not(None)  # before, the API shows no delivery
NEWEST_FIRST: Final = Keyset((DELIVERY.c.delivery_id,))
SORTABLE: Final = {"deliveryId": DELIVERY.c.delivery_id, "deliveryDt": DELIVERY.c.delivered_at}


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    """Lock these deliveries in one statement; `locked` then finds them without another."""
    await DELIVERIES.lock(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Delivery | None:
    """Return the delivery of the reservation; None before the first event about it."""
    return await DELIVERIES.locked(tx, reservation_id)


async def locked_or_new(tx: Tx, reservation_id: UUID, bike_id: int) -> Delivery:
    """Return the delivery of the reservation, a new one before the first event about it."""
    return await locked(tx, reservation_id) or Delivery(
        reservation_id=reservation_id, delivery_id=new_id(), bike_id=bike_id
    )


async def locked_or_404(tx: Tx, delivery_id: UUID, *, owner: str | None = None) -> Delivery:
    """Return the delivery that the API shows this owner (None: anybody). Raises NotFound."""
    found = _served(owner).where(DELIVERY.c.delivery_id == delivery_id)
    reservation_id = await tx.scalar(found.with_only_columns(DELIVERY.c.reservation_id))
    delivery = await locked(tx, reservation_id)
    if delivery is None:
        raise NotFound
    return delivery


def save(tx: Tx, delivery: Delivery) -> None:
    """Write the delivery at the commit."""
    DELIVERIES.save(tx, delivery)


async def get(tx: Tx, delivery_id: UUID, *, owner: str | None) -> Delivery:
    """Return a delivery of this owner (None: of anybody). Raises NotFound."""
    row = await tx.row(_served(owner).where(DELIVERY.c.delivery_id == delivery_id))
    if row is None:
        raise NotFound
    return DELIVERIES.state(row)


async def page(
    tx: Tx, paging: Paging, *, owner: str | None, reservation_id: UUID | None
) -> Part[Delivery]:
    """Return one page of the deliveries, newest first unless sorted, and how many there are."""
    found = _served(owner)
    if reservation_id is not None:
        found = found.where(DELIVERY.c.reservation_id == reservation_id)
    return await DELIVERIES.page(tx, found, paging, sortable=SORTABLE, then=NEWEST_FIRST)


def _served(owner: str | None) -> Select[Any]:
    found = select(DELIVERY).where(SERVED)
    return found if owner is None else found.where(DELIVERY.c.user_id == owner)
