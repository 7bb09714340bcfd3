"""Persistence of payments, of the attempts to get their money, and of the ledger of what moved."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
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
    text,
    update,
)

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.contracts.types import USER_ID_LENGTH
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import Status, UtcTime, utc_now
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Rows
from roadbike.kit.db.times import due_rows, is_due
from roadbike.kit.pure.refusals import NotFound
from roadbike.payment.domain import Attempt, Outcome, Payment, PaymentSummary, Refund, Try
from roadbike.payment.domain.attempts import LONGEST_WAIT, LOOKS

metadata: Final = MetaData()

CLAIMED_FOR: Final = timedelta(seconds=15)  # longer than the provider may take for an answer
LOOKED_AT: Final = text("look_at IS NOT NULL")
IS_OWED: Final = text(f"refund = '{Refund.OWED}'")
IS_UNKNOWN: Final = text(f"outcome = '{Outcome.UNKNOWN}'")

PAYMENT: Final = Table(
    "payment",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, unique=True),
    Column("bike_id", Integer),
    Column("user_id", String(USER_ID_LENGTH)),
    Column("price", BigInteger),
    Column("payment_status", Status(PaymentStatus)),
    Column("cancel_asked", Boolean, nullable=False),
    Column("expired", Boolean, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("reason", Status(Reason)),
    Column("captured_by", Uuid),
    Column("opened_at", UtcTime),
    Column("attempted", Boolean, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("look_at", UtcTime),
    Column("row_version", Integer, nullable=False),
    Index("payment_of_user", "user_id", "payment_id"),
    Index("payment_by_status", "payment_status", "opened_at"),
    Index("payment_to_look_at", "look_at", postgresql_where=LOOKED_AT, sqlite_where=LOOKED_AT),
)

ATTEMPT: Final = Table(
    "attempt",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("reservation_id", Uuid, nullable=False, index=True),
    Column("user_id", String(USER_ID_LENGTH), nullable=False),
    Column("amount", BigInteger, nullable=False),  # KRW
    Column("token", String(255), nullable=False),
    Column("outcome", Status(Outcome), nullable=False),
    Column("refund", Status(Refund), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("unanswered", Integer, nullable=False),
    Column("check_at", UtcTime),
    Column("row_version", Integer, nullable=False),
    Index("attempt_to_check", "check_at"),
    Index("attempt_to_refund", "refund"),
    Index("attempt_owed", "attempt_id", postgresql_where=IS_OWED, sqlite_where=IS_OWED),
    Index("attempt_unknown", "attempt_id", postgresql_where=IS_UNKNOWN, sqlite_where=IS_UNKNOWN),
    Index("attempt_of_user", "user_id", "asked_at"),
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
    Column("seen_at", UtcTime, nullable=False, default=utc_now()),
    Column("quiet_until", UtcTime, nullable=False, default=utc_now()),
)

PAYMENTS: Final = Rows(PAYMENT, PaymentSummary)
ATTEMPTS: Final = Rows(ATTEMPT, Attempt)

SERVED: Final = PAYMENT.c.payment_id.is_not(None) & PAYMENT.c.registered
SORTABLE: Final = {"price": PAYMENT.c.price}


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    """Lock the payments of many reservations with one statement; `locked` then finds them."""
    await PAYMENTS.lock(tx, reservation_ids)


async def lock_free(tx: Tx, reservation_ids: Iterable[UUID]) -> set[UUID]:
    """Lock those payments that no other transaction has locked; return their reservation ids."""
    return await PAYMENTS.lock_free(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Payment | None:
    """Return the payment of the reservation with its attempts; None when nothing is known of it."""
    found = await PAYMENTS.locked(tx, reservation_id)
    if found is None or isinstance(found, Payment):  # loaded or saved here before: it is whole
        return found
    payment = found.with_attempts(await _attempts(tx, reservation_id) if found.attempted else ())
    PAYMENTS.remember(tx, payment)
    return payment


async def locked_or_new(tx: Tx, reservation_id: UUID) -> Payment:
    """Return the payment of the reservation; a new one when nothing is known of it."""
    return await locked(tx, reservation_id) or Payment(reservation_id=reservation_id)


async def locked_or_404(tx: Tx, payment_id: UUID, *, owner: str | None) -> Payment:
    """Return the payment with that id and its attempts. Raises NotFound as `get` does."""
    payment = await locked(tx, (await get(tx, payment_id, owner=owner)).reservation_id)
    if payment is None:
        raise NotFound
    return payment


def save(tx: Tx, payment: Payment) -> None:
    """Write the payment at the commit, and those of its attempts that have changed."""
    PAYMENTS.save(tx, payment)
    ATTEMPTS.save_changed(tx, payment.attempts)


async def enter_money(tx: Tx, attempt: Attempt, kind: str, provider_id: str) -> None:
    """Enter a capture or a refund into the ledger; at most one of each kind per attempt."""
    row = {
        "attempt_id": attempt.attempt_id,
        "kind": kind,
        "reservation_id": attempt.reservation_id,
        "amount": attempt.amount,
        "provider_id": provider_id,
        "moved_at": await tx.now(),
    }
    await insert_new(tx, MONEY, [row])


async def claim_unknown(tx: Tx, at_most: int) -> Sequence[Attempt]:
    """Claim attempts with an unknown outcome whose `check_at` has come, the earliest first."""
    is_time = is_due(ATTEMPT.c.check_at, await tx.now(), LONGEST_WAIT)
    unknown = select(ATTEMPT).where(IS_UNKNOWN, is_time)
    return await _claim(tx, unknown.order_by(ATTEMPT.c.check_at), at_most)


async def claim_kept(tx: Tx, at_most: int) -> Sequence[Attempt]:
    """Claim attempts with money that we keep, for a look whether the provider has refunded it."""
    is_kept = (ATTEMPT.c.outcome == Outcome.CAPTURED) & (ATTEMPT.c.refund == Refund.NONE)
    due = select(ATTEMPT).where(is_kept, ATTEMPT.c.check_at <= await tx.now())
    return await _claim(tx, due.order_by(ATTEMPT.c.check_at), at_most)


async def claim_owed(tx: Tx, at_most: int) -> Sequence[Attempt]:
    """Claim attempts with a refund owed, except those whose next try comes later."""
    # `is_due` also takes the next day's look, which earlier code has left in that column
    is_time = is_due(ATTEMPT.c.check_at, await tx.now(), LONGEST_WAIT)
    owed = select(ATTEMPT).where(IS_OWED, or_(ATTEMPT.c.check_at.is_(None), is_time))
    return await _claim(tx, owed.order_by(ATTEMPT.c.attempt_id), at_most)


async def _claim(tx: Tx, due: Select[Any], at_most: int) -> Sequence[Attempt]:
    """Claim up to so many that nobody has locked; for CLAIMED_FOR no replica gets them again."""
    rows = await tx.rows(due.limit(at_most).with_for_update(skip_locked=True))
    if rows:
        claimed = update(ATTEMPT).where(ATTEMPT.c.attempt_id.in_([r["attempt_id"] for r in rows]))
        await tx.execute(claimed.values(check_at=(await tx.now()) + CLAIMED_FOR))
    return [ATTEMPTS.state(row) for row in rows]


async def to_look_at(tx: Tx, at_most: int) -> Mapping[UUID, Sequence[Attempt]]:
    """Return the payments whose `look_at` has come, the earliest first: reservation id, attempts.

    Of their attempts, only those that were declined.
    """
    ids = select(PAYMENT.c.reservation_id)
    rows = await due_rows(tx, ids, PAYMENT.c.look_at, at_most, longest=LOOKS[-1])
    found: dict[UUID, list[Attempt]] = {row["reservation_id"]: [] for row in rows}
    if found:
        of_them = ATTEMPT.c.reservation_id.in_(found)
        declined = select(ATTEMPT).where(of_them, ATTEMPT.c.outcome == Outcome.NOT_CAPTURED)
        for row in await tx.rows(declined.order_by(ATTEMPT.c.attempt_id)):
            found[row["reservation_id"]].append(ATTEMPTS.state(row))
    return found


async def last_tries(tx: Tx, user_id: str, at_most: int) -> Sequence[Try]:
    """Return the last attempts of the buyer whose outcome is known, the newest first."""
    known = select(ATTEMPT.c.outcome, ATTEMPT.c.asked_at).where(
        ATTEMPT.c.user_id == user_id, ATTEMPT.c.outcome != Outcome.UNKNOWN
    )
    rows = await tx.rows(known.order_by(ATTEMPT.c.asked_at.desc()).limit(at_most))
    return [Try(row["outcome"], row["asked_at"]) for row in rows]


async def unpaid_since(tx: Tx, before: datetime, at_most: int) -> Sequence[UUID]:
    """Return the ids of reservations whose payment was opened before that time and is still due."""
    old = select(PAYMENT.c.reservation_id).where(
        PAYMENT.c.payment_status == PaymentStatus.DUE, PAYMENT.c.opened_at < before
    )
    rows = await tx.rows(old.order_by(PAYMENT.c.opened_at).limit(at_most))
    return [row["reservation_id"] for row in rows]


async def locked_watch(tx: Tx) -> tuple[datetime, datetime, datetime] | None:
    """Return when the expiry last ran, until when it is paused, and the time now; lock the row.

    None while another replica has it locked.

    The clock is read under the lock: otherwise another replica could have run in the future.
    A new row gets the time of the database itself, as `tx.now` may be slightly ahead of it.
    """
    await insert_new(tx, WATCH, [{"name": "expiry"}])
    row = await tx.row(select(WATCH).with_for_update(skip_locked=True))
    if row is None:
        return None
    return row["seen_at"], row["quiet_until"], await tx.scalar(select(utc_now()))


async def save_watch(tx: Tx, seen_at: datetime, quiet_until: datetime) -> None:
    """Store when the expiry last ran, and until when it is paused."""
    await tx.execute(update(WATCH).values(seen_at=seen_at, quiet_until=quiet_until))


async def count_unsettled(tx: Tx) -> int:
    """Return how many payments and attempts wait for the provider or for a refund."""
    moving = PAYMENT.c.payment_status.in_([PaymentStatus.CONFIRMING, PaymentStatus.REFUNDING])
    counts = [
        select(func.count()).where(moving),
        # two counts: an index finds the rows of each, none finds those of both
        select(func.count()).select_from(ATTEMPT).where(IS_UNKNOWN),
        select(func.count()).select_from(ATTEMPT).where(IS_OWED),
    ]
    return sum([int(await tx.scalar(count)) for count in counts])


async def get(tx: Tx, payment_id: UUID, *, owner: str | None) -> PaymentSummary:
    """Return the payment with that id. owner: whose it must be, None for anybody's.

    Raises NotFound when it does not exist, is not served or belongs to somebody else.
    """
    row = await tx.row(_served(owner).where(PAYMENT.c.payment_id == payment_id))
    if row is None:
        raise NotFound
    return PAYMENTS.state(row)


async def page(
    tx: Tx, paging: Paging, *, owner: str | None, reservation_id: UUID | None
) -> tuple[Sequence[PaymentSummary], int]:
    """Return one page of the served payments, newest first unless sorted, and their number."""
    found = _served(owner)
    if reservation_id is not None:
        found = found.where(PAYMENT.c.reservation_id == reservation_id)
    newest = [PAYMENT.c.payment_id.desc()]
    return await PAYMENTS.page(tx, found, paging, sortable=SORTABLE, then=newest)


async def _attempts(tx: Tx, reservation_id: UUID) -> tuple[Attempt, ...]:
    """Return all attempts of a locked payment, the oldest first."""
    of_payment = select(ATTEMPT).where(ATTEMPT.c.reservation_id == reservation_id)
    rows = await tx.rows(of_payment.order_by(ATTEMPT.c.attempt_id))
    attempts = tuple(ATTEMPTS.state(row) for row in rows)
    for attempt in attempts:
        ATTEMPTS.remember(tx, attempt)
    return attempts


def _served(owner: str | None) -> Select[Any]:
    found = select(PAYMENT).where(SERVED)
    return found if owner is None else found.where(PAYMENT.c.user_id == owner)
