"""Persistence of the purchases and of every event that they are projected from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, get_args
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Uuid,
    distinct,
    func,
    select,
)

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.contracts.types import (
    ADDRESS_LENGTH,
    NAME_LENGTH,
    PHONE_LENGTH,
    USER_ID_LENGTH,
    ZIP_CODE_LENGTH,
)
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import among, insert_new
from roadbike.kit.db.columns import Status, UtcTime
from roadbike.kit.db.keyset import Keyset
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Part, Rows
from roadbike.kit.messaging.broker import Message
from roadbike.kit.pure.refusals import NotFound
from roadbike.mypage.domain import Purchase

metadata: Final = MetaData()

PURCHASE: Final = Table(
    "purchase",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("bike_id", Integer, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("bike_name", String(NAME_LENGTH)),
    Column("user_id", String(USER_ID_LENGTH)),
    Column("user_name", String(NAME_LENGTH)),
    Column("store_name", String(NAME_LENGTH)),
    Column("reserved_at", UtcTime),
    Column("reservation_status", Status(ReservationStatus)),
    Column("price", BigInteger),
    Column("phone", String(PHONE_LENGTH)),
    Column("zip_code", String(ZIP_CODE_LENGTH)),
    Column("address", String(ADDRESS_LENGTH)),
    Column("payment_id", Uuid),
    Column("payment_status", Status(PaymentStatus)),
    Column("pay_until", UtcTime),
    Column("delivery_id", Uuid),
    Column("delivery_status", Status(DeliveryStatus)),
    Column("delivered_at", UtcTime),
    Column("carrier", String(NAME_LENGTH)),
    Column("tracking_number", String(NAME_LENGTH)),
    Column("stock_status", Status(StockStatus), nullable=False),
    Column("reservation_version", Integer, nullable=False),
    Column("allocation_version", Integer, nullable=False),
    Column("payment_version", Integer, nullable=False),
    Column("delivery_version", Integer, nullable=False),
    Column("row_version", Integer, nullable=False),
    Index("purchase_of_user", "user_id", "reserved_at", "reservation_id"),
    Index("purchase_shown", "registered", "reserved_at", "reservation_id"),
)

STORED_EVENT: Final = Table(
    "stored_event",
    metadata,  # reservation, kind and version identify an event as its id does
    Column("reservation_id", Uuid, primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("type", String(100), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

PURCHASES: Final = Rows(PURCHASE, Purchase)

NEWEST_FIRST: Final = Keyset((PURCHASE.c.reserved_at, PURCHASE.c.reservation_id))
SORTABLE: Final = {"reserveDt": PURCHASE.c.reserved_at}

DECODERS: Final = {  # by the type of the event
    event.type_name(): msgspec.json.Decoder(event) for event in get_args(AnyPurchaseEvent)
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """An event, and when it was published (UTC)."""

    event: AnyPurchaseEvent
    time: datetime


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    """Lock these purchases in one statement; `locked` then finds them without another."""
    await PURCHASES.lock(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Purchase | None:
    """Return the purchase; None before the first event about it."""
    return await PURCHASES.locked(tx, reservation_id)


async def locked_or_new(tx: Tx, reservation_id: UUID, bike_id: int) -> Purchase:
    """Return the purchase, a new one before the first event about it."""
    return await locked(tx, reservation_id) or Purchase(
        reservation_id=reservation_id, bike_id=bike_id
    )


def save(tx: Tx, purchase: Purchase) -> None:
    """Write the purchase at the commit."""
    PURCHASES.save(tx, purchase)


async def get(tx: Tx, reservation_id: UUID, *, owner: str | None) -> Purchase:
    """Return a registered purchase of this owner (None: of anybody). Raises NotFound."""
    row = await tx.row(_registered(owner).where(PURCHASE.c.reservation_id == reservation_id))
    if row is None:
        raise NotFound
    return PURCHASES.state(row)


async def page(tx: Tx, paging: Paging, *, owner: str | None) -> Part[Purchase]:
    """Return one page of the purchases, newest first unless sorted, and how many there are."""
    found = _registered(owner)
    return await PURCHASES.page(tx, found, paging, sortable=SORTABLE, then=NEWEST_FIRST)


def _registered(owner: str | None) -> Select[Any]:
    found = select(PURCHASE).where(PURCHASE.c.registered)
    return found if owner is None else found.where(PURCHASE.c.user_id == owner)


def add_event(tx: Tx, event: AnyPurchaseEvent, message: Message) -> None:
    """Store the event as it came, at the commit; one that is stored already is left alone."""
    row = {
        "reservation_id": event.reservation_id,
        "kind": event.kind,
        "version": event.version,
        "event_id": message.event_id,
        "type": message.type,
        "time": message.time,
        "data": message.data,
    }
    tx.at_commit(_write_events, row)


async def _write_events(tx: Tx, added: list[dict[str, Any]]) -> None:
    rows = {(row["reservation_id"], row["kind"], row["version"]): row for row in added}
    await insert_new(tx, STORED_EVENT, [rows[key] for key in sorted(rows)])


async def events_of(tx: Tx, reservation_id: UUID) -> Sequence[StoredEvent]:
    """Return the stored events of one purchase, oldest first."""
    rows = await tx.rows(
        select(STORED_EVENT)
        .where(STORED_EVENT.c.reservation_id == reservation_id)
        .order_by(STORED_EVENT.c.time, STORED_EVENT.c.event_id)
    )
    return [
        StoredEvent(event=DECODERS[row["type"]].decode(row["data"]), time=row["time"])
        for row in rows
    ]


async def count_events(tx: Tx, reservation_ids: Iterable[UUID]) -> Mapping[UUID, int]:
    """Return how many events are stored of each of these purchases; those without are left out."""
    counted = _count_events(tx.db.dialect)
    rows = await tx.rows(counted, {"among": list(reservation_ids)})
    return {row["reservation_id"]: row["events"] for row in rows}


@cache
def _count_events(dialect: str) -> Select[Any]:
    """Return one statement for any number of purchases: each prepared one takes memory."""
    key = STORED_EVENT.c.reservation_id
    counted = select(key, func.count().label("events")).where(among(dialect, key))
    return counted.group_by(key)


async def count_purchases_with_events(tx: Tx) -> int:
    """Return of how many purchases there are stored events."""
    return int(await tx.scalar(select(func.count(distinct(STORED_EVENT.c.reservation_id)))))


async def purchases_with_events(tx: Tx, *, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Return the next ids, in order, of purchases that there are stored events of."""
    key = STORED_EVENT.c.reservation_id
    found = select(key).distinct().order_by(key).limit(limit)
    rows = await tx.rows(found if after is None else found.where(key > after))
    return [row["reservation_id"] for row in rows]
