"""Purchases at rest, and every event they were folded from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
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
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import Status, UtcTime
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Rows
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
    Column("bike_name", String(200)),
    Column("user_id", String(64)),
    Column("user_name", String(200)),
    Column("store_name", String(200)),
    Column("reserved_at", UtcTime),
    Column("reservation_status", Status(ReservationStatus)),
    Column("price", BigInteger),
    Column("payment_id", Uuid),
    Column("payment_status", Status(PaymentStatus)),
    Column("delivery_id", Uuid),
    Column("delivery_status", Status(DeliveryStatus)),
    Column("delivered_at", UtcTime),
    Column("stock_status", Status(StockStatus), nullable=False),
    Column("reservation_version", Integer, nullable=False),
    Column("allocation_version", Integer, nullable=False),
    Column("payment_version", Integer, nullable=False),
    Column("delivery_version", Integer, nullable=False),
    Column("row_version", Integer, nullable=False),
    Index("purchase_of_user", "user_id", "reserved_at", "reservation_id"),
    Index("purchase_shown", "registered", "reserved_at", "reservation_id"),
)

KEPT_EVENT: Final = Table(
    "kept_event",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("kind", String(20), primary_key=True),  # kind and version name one event, as its id does
    Column("version", Integer, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("type", String(100), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

PURCHASES: Final = Rows(PURCHASE, Purchase)

EVENT_OF: Final = {
    event.type_name(): msgspec.json.Decoder(event) for event in get_args(AnyPurchaseEvent)
}


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptEvent:
    """An event as it was heard, and when it was told."""

    event: AnyPurchaseEvent
    time: datetime


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    await PURCHASES.lock(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Purchase | None:
    """The purchase; None when nothing of it was heard before."""
    return await PURCHASES.locked(tx, reservation_id)


def save(tx: Tx, purchase: Purchase) -> None:
    PURCHASES.save(tx, purchase)


def keep(tx: Tx, event: AnyPurchaseEvent, message: Message) -> None:
    """Keep the event as it came; twice the same is kept once."""
    kept = {
        "reservation_id": event.reservation_id,
        "kind": event.kind,
        "version": event.version,
        "event_id": message.event_id,
        "type": message.type,
        "time": message.time,
        "data": message.data,
    }
    tx.at_commit(_write_kept, kept)


async def kept_of(tx: Tx, reservation_id: UUID) -> Sequence[KeptEvent]:
    """Everything heard of one purchase, oldest first."""
    rows = await tx.rows(
        select(KEPT_EVENT)
        .where(KEPT_EVENT.c.reservation_id == reservation_id)
        .order_by(KEPT_EVENT.c.time, KEPT_EVENT.c.event_id)
    )
    return [
        KeptEvent(event=EVENT_OF[row["type"]].decode(row["data"]), time=row["time"]) for row in rows
    ]


async def count_kept(tx: Tx) -> int:
    """How many purchases there are events of."""
    return int(await tx.scalar(select(func.count(distinct(KEPT_EVENT.c.reservation_id)))))


async def kept_after(tx: Tx, after: UUID | None, at_most: int) -> Sequence[UUID]:
    """The next purchases that there are events of, in the order of their ids."""
    key = KEPT_EVENT.c.reservation_id
    found = select(key).distinct().order_by(key).limit(at_most)
    rows = await tx.rows(found if after is None else found.where(key > after))
    return [row["reservation_id"] for row in rows]


async def get(tx: Tx, reservation_id: UUID, *, owner: str | None) -> Purchase:
    """Raises NotFound when there is none to show, or none of this owner's (None: anybody's)."""
    row = await tx.row(_shown(owner).where(PURCHASE.c.reservation_id == reservation_id))
    if row is None:
        raise NotFound
    return PURCHASES.state(row)


async def page(tx: Tx, paging: Paging, *, owner: str | None) -> tuple[Sequence[Purchase], int]:
    """One page of the purchases, newest first unless sorted, and how many there are."""
    found = _shown(owner)
    total = await tx.scalar(found.with_only_columns(func.count()))
    rows = await tx.rows(found.order_by(*_order(paging)).offset(paging.offset).limit(paging.size))
    return [PURCHASES.state(row) for row in rows], total


def _shown(owner: str | None) -> Select[Any]:
    found = select(PURCHASE).where(PURCHASE.c.registered)
    return found if owner is None else found.where(PURCHASE.c.user_id == owner)


def _order(paging: Paging) -> list[ColumnElement[Any]]:
    """By the time of the reservation, the one field to sort by; the indexes end in these two."""
    columns = (PURCHASE.c.reserved_at, PURCHASE.c.reservation_id)
    descending = paging.sort[0].descending if paging.sort else True
    return [column.desc() if descending else column.asc() for column in columns]


async def _write_kept(tx: Tx, kept: list[dict[str, Any]]) -> None:
    rows = {(row["reservation_id"], row["kind"], row["version"]): row for row in kept}
    await insert_new(tx, KEPT_EVENT, [rows[key] for key in sorted(rows)])
