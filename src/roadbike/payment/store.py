"""Payments, the attempts to get the money, and the ledger of what moved, at rest."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
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
    or_,
    select,
    update,
)

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import Status, UtcTime, utc_now
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Rows
from roadbike.kit.pure.refusals import NotFound
from roadbike.payment.domain import Payment
from roadbike.payment.domain.attempts import Attempt, Outcome, Refund

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
    Column("expired", Boolean, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("reason", Status(Reason)),
    Column("captured_by", Uuid),
    Column("opened_at", UtcTime),
    Column("tries", Integer, nullable=False),
    Column("row_version", Integer, nullable=False),
    Index("payment_of_user", "user_id", "payment_id"),
    Index("payment_by_status", "payment_status", "opened_at"),
)

ATTEMPT: Final = Table(
    "attempt",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("reservation_id", Uuid, nullable=False, index=True),
    Column("token", String(255), nullable=False),
    Column("outcome", Status(Outcome), nullable=False),
    Column("refund", Status(Refund), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("checks", Integer, nullable=False),
    Column("check_at", UtcTime),
    Column("row_version", Integer, nullable=False),
    Index("attempt_to_check", "check_at"),
    Index("attempt_to_refund", "refund"),
)

MONEY: Final = Table(
    "money",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("kind", String(10), primary_key=True),  # capture or refund: at most one of each
    Column("reservation_id", Uuid, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),  # KRW
    Column("provider_id", String(100), nullable=False, unique=True),
    Column("moved_at", UtcTime, nullable=False),
)

WATCH: Final = Table(
    "expiry_watch",
    metadata,
    Column("name", String(10), primary_key=True),
    Column("seen_at", UtcTime, nullable=False),
    Column("quiet_until", UtcTime, nullable=False),
)

PAYMENTS: Final = Rows(PAYMENT, Payment)
ATTEMPTS: Final = Rows(ATTEMPT, Attempt)

SERVED: Final = PAYMENT.c.payment_id.is_not(None) & PAYMENT.c.registered


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    await PAYMENTS.lock(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Payment:
    """The payment of the reservation; a fresh one when nothing of it was known before."""
    payment = await PAYMENTS.locked(tx, reservation_id)
    if payment is None:
        return Payment(reservation_id=reservation_id)
    if payment.tries == len(payment.attempts):
        return payment
    found = select(ATTEMPT).where(ATTEMPT.c.reservation_id == reservation_id)
    rows = await tx.rows(found.order_by(ATTEMPT.c.attempt_id))
    return replace(payment, attempts=tuple(ATTEMPTS.state(row) for row in rows))


async def locked_by_id(tx: Tx, payment_id: UUID, *, owner: str | None) -> Payment:
    """Raises NotFound."""
    return await locked(tx, (await get(tx, payment_id, owner=owner)).reservation_id)


def save(tx: Tx, payment: Payment) -> None:
    PAYMENTS.save(tx, payment)
    for attempt in payment.attempts:
        ATTEMPTS.save(tx, attempt)


async def keep_money(
    tx: Tx, payment: Payment, attempt_id: UUID, kind: str, provider_id: str
) -> None:
    """Enter into the ledger what moved; once, however often it is told."""
    row = {
        "attempt_id": attempt_id,
        "kind": kind,
        "reservation_id": payment.reservation_id,
        "amount": payment.price,
        "provider_id": provider_id,
        "moved_at": await tx.now(),
    }
    await insert_new(tx, MONEY, [row])


async def to_check(tx: Tx, at_most: int) -> Sequence[Attempt]:
    """Attempts whose time to be looked at has come."""
    due = select(ATTEMPT).where(ATTEMPT.c.check_at <= await tx.now())
    rows = await tx.rows(due.order_by(ATTEMPT.c.check_at).limit(at_most))
    return [ATTEMPTS.state(row) for row in rows]


async def to_refund(tx: Tx, at_most: int) -> Sequence[Attempt]:
    """Attempts whose money is to go back, but for those that have to wait for the next try."""
    may = or_(ATTEMPT.c.check_at.is_(None), ATTEMPT.c.check_at <= await tx.now())
    owed = select(ATTEMPT).where(ATTEMPT.c.refund == Refund.OWED, may)
    rows = await tx.rows(owed.order_by(ATTEMPT.c.attempt_id).limit(at_most))
    return [ATTEMPTS.state(row) for row in rows]


async def unpaid_since(tx: Tx, before: datetime, at_most: int) -> Sequence[UUID]:
    """Reservations whose payment was opened before that and is still due."""
    old = select(PAYMENT.c.reservation_id).where(
        PAYMENT.c.payment_status == PaymentStatus.DUE, PAYMENT.c.opened_at < before
    )
    rows = await tx.rows(old.order_by(PAYMENT.c.opened_at).limit(at_most))
    return [row["reservation_id"] for row in rows]


async def last_watch(tx: Tx) -> tuple[datetime, datetime, datetime]:
    """When the expiry was last at work, until when it keeps quiet (locked), and the time now.

    The clock is read under the lock: before it, another replica could be seen in the future.
    """
    first = await tx.now()
    await insert_new(tx, WATCH, [{"name": "expiry", "seen_at": first, "quiet_until": first}])
    row = (await tx.rows(select(WATCH).with_for_update()))[0]
    return row["seen_at"], row["quiet_until"], await tx.scalar(select(utc_now()))


async def keep_watch(tx: Tx, seen_at: datetime, quiet_until: datetime) -> None:
    await tx.execute(update(WATCH).values(seen_at=seen_at, quiet_until=quiet_until))


async def count_unsettled(tx: Tx) -> int:
    """Payments and attempts whose outcome or refund is still open."""
    moving = PAYMENT.c.payment_status.in_([PaymentStatus.CONFIRMING, PaymentStatus.REFUNDING])
    payments = await tx.scalar(select(func.count()).where(moving))
    open_ = (ATTEMPT.c.outcome == Outcome.UNKNOWN) | (ATTEMPT.c.refund == Refund.OWED)
    return int(payments + await tx.scalar(select(func.count()).where(open_)))


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
