"""Payments at rest."""

from collections.abc import Iterable, Sequence
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
    func,
    select,
)

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.columns import Status
from roadbike.kit.db import Tx
from roadbike.kit.refusals import NotFound
from roadbike.kit.rows import Rows
from roadbike.kit.web import Paging
from roadbike.payment.domain import Payment

metadata: Final = MetaData()

PAYMENT: Final = Table(
    "payment",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, unique=True),
    Column("bike_id", Integer),
    Column("user_id", String(64)),
    Column("price", BigInteger),
    Column("payment_status", Status(PaymentStatus)),
    Column("cancel_asked", Boolean, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("reason", Status(Reason)),
    Column("row_version", Integer, nullable=False),
    Index("payment_of_user", "user_id", "payment_id"),
)

PAYMENTS: Final = Rows(PAYMENT, Payment)

SERVED: Final = PAYMENT.c.payment_id.is_not(None) & PAYMENT.c.registered


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    await PAYMENTS.lock(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Payment:
    """The payment of the reservation; a fresh one when nothing of it was known before."""
    payment = await PAYMENTS.locked(tx, reservation_id)
    return payment or Payment(reservation_id=reservation_id)


def save(tx: Tx, payment: Payment) -> None:
    PAYMENTS.save(tx, payment)


async def get(tx: Tx, payment_id: UUID, *, owner: str | None) -> Payment:
    """Raises NotFound when there is none, or none of this owner's (None: anybody's)."""
    row = await tx.row(_owned(select(PAYMENT), owner).where(PAYMENT.c.payment_id == payment_id))
    if row is None:
        raise NotFound
    return PAYMENTS.state(row)


async def page(
    tx: Tx, paging: Paging, *, owner: str | None, reservation_id: UUID | None
) -> tuple[Sequence[Payment], int]:
    """One page of the served payments, newest first unless sorted, and how many there are."""
    found = _owned(select(PAYMENT), owner)
    if reservation_id is not None:
        found = found.where(PAYMENT.c.reservation_id == reservation_id)
    total = await tx.scalar(select(func.count()).select_from(found.subquery()))
    order = [
        PAYMENT.c.price.desc() if by.descending else PAYMENT.c.price.asc() for by in paging.sort
    ]
    rows = await tx.rows(
        found.order_by(*order, PAYMENT.c.payment_id.desc()).offset(paging.offset).limit(paging.size)
    )
    return [PAYMENTS.state(row) for row in rows], total


def _owned(found: Select[Any], owner: str | None) -> Select[Any]:
    served = found.where(SERVED)
    return served if owner is None else served.where(PAYMENT.c.user_id == owner)
