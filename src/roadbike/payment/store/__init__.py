"""Persistence of payments, of the attempts to get their money, and of the ledger of what moved."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select, update

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import among, insert_new
from roadbike.kit.db.claims import free_only
from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.keyset import Keyset
from roadbike.kit.db.paging import Paging
from roadbike.kit.db.rows import Part, locking
from roadbike.kit.db.statements import Statement
from roadbike.kit.pure.refusals import NotFound
from roadbike.payment.domain import Attempt, Outcome, Payment, PaymentSummary, Refund, Try
from roadbike.payment.store.claims import (
    Look,
    claim_kept,
    claim_looks,
    claim_owed,
    claim_unknown,
    claim_unpaid,
)
from roadbike.payment.store.tables import (
    ATTEMPT,
    ATTEMPTS,
    IS_OWED,
    IS_UNKNOWN,
    MONEY,
    PAYMENT,
    PAYMENTS,
    REFUND,
    SERVED,
    SORTABLE,
    WATCH,
    metadata,
)

__all__ = [
    "ATTEMPT",
    "MONEY",
    "PAYMENT",
    "PAYMENTS",
    "REFUND",
    "SORTABLE",
    "WATCH",
    "Look",
    "claim_kept",
    "claim_looks",
    "claim_owed",
    "claim_unknown",
    "claim_unpaid",
    "metadata",
]

NEWEST_FIRST: Final = Keyset((PAYMENT.c.payment_id,))  # of those that are served
_LOCK_BY_ID: Final = Statement(
    lambda dialect: locking(
        select(PAYMENT)
        .where(among(dialect, PAYMENT.c.payment_id))
        .order_by(PAYMENT.c.reservation_id)  # the order in which all others lock payments
    )
)
_ATTEMPTS: Final = Statement(
    lambda dialect: (
        select(ATTEMPT)
        .where(among(dialect, ATTEMPT.c.reservation_id))
        .order_by(ATTEMPT.c.attempt_id)
    )
)


async def lock_all(tx: Tx, reservation_ids: Iterable[UUID]) -> None:
    """Lock the payments of many reservations with one statement, and load their attempts."""
    ids = list(reservation_ids)
    await PAYMENTS.lock(tx, ids)
    found = [await PAYMENTS.locked(tx, id_) for id_ in dict.fromkeys(ids)]
    await _complete(tx, [one for one in found if one and not isinstance(one, Payment)])


async def lock_by_id(tx: Tx, payment_ids: Iterable[UUID]) -> dict[UUID, Payment]:
    """Lock the payments that were opened under these ids; return them with their attempts."""
    rows = await tx.rows(_LOCK_BY_ID, {"among": list(dict.fromkeys(payment_ids))})
    whole = await _complete(tx, [PAYMENTS.state(row) for row in rows])
    return {payment.payment_id: payment for payment in whole if payment.payment_id}


async def lock_free(tx: Tx, reservation_ids: Iterable[UUID]) -> set[UUID]:
    """Lock those payments that no other transaction has locked; return their reservation ids."""
    return await PAYMENTS.lock_free(tx, reservation_ids)


async def locked(tx: Tx, reservation_id: UUID) -> Payment | None:
    """Return the payment of the reservation with its attempts; None when nothing is known of it."""
    await lock_all(tx, [reservation_id])
    found = await PAYMENTS.locked(tx, reservation_id)
    assert found is None or isinstance(found, Payment)  # `lock_all` has completed it
    return found


async def locked_or_new(tx: Tx, reservation_id: UUID) -> Payment:
    """Return the payment of the reservation; a new one when nothing is known of it."""
    return await locked(tx, reservation_id) or Payment(reservation_id=reservation_id)


def save(tx: Tx, payment: Payment) -> None:
    """Write the payment at the commit, and those of its attempts that have changed."""
    PAYMENTS.save(tx, payment)
    ATTEMPTS.save_changed(tx, payment.attempts)
    if any(attempt.refund is not Refund.NONE for attempt in payment.attempts):
        tx.at_commit(_note_refunds, payment.reservation_id)


async def _note_refunds(tx: Tx, reservation_ids: Sequence[UUID]) -> None:
    """Note since when money of these payments has to go back, unless that is known."""
    since = await tx.now()
    ids = sorted(set(reservation_ids))
    await insert_new(tx, REFUND, [{"reservation_id": each, "since": since} for each in ids])


async def enter_money(tx: Tx, attempt: Attempt, kind: str, provider_id: str) -> None:
    """Enter a capture or a refund into the ledger at the commit; one of each kind per attempt."""
    row = {
        "attempt_id": attempt.attempt_id,
        "kind": kind,
        "reservation_id": attempt.reservation_id,
        "amount": attempt.amount,
        "provider_id": provider_id,
        "moved_at": await tx.now(),
    }
    tx.at_commit(_write_money, row)


async def _write_money(tx: Tx, entered: list[dict[str, Any]]) -> None:
    rows = {(row["attempt_id"], row["kind"]): row for row in entered}
    await insert_new(tx, MONEY, [rows[key] for key in sorted(rows)])


async def last_tries(tx: Tx, user_id: str, at_most: int) -> Sequence[Try]:
    """Return the last attempts of the buyer whose outcome is known, the newest first."""
    known = select(ATTEMPT.c.outcome, ATTEMPT.c.asked_at).where(
        ATTEMPT.c.user_id == user_id, ATTEMPT.c.outcome != Outcome.UNKNOWN
    )
    rows = await tx.rows(known.order_by(ATTEMPT.c.asked_at.desc()).limit(at_most))
    return [Try(row["outcome"], row["asked_at"]) for row in rows]


async def locked_watch(tx: Tx) -> tuple[datetime, datetime, datetime] | None:
    """Return when the expiry last ran, until when it is paused, and the time now; lock the row.

    None while another replica has it locked.

    The clock is read under the lock: otherwise another replica could have run in the future.
    A new row gets the time of the database itself, as `tx.now` may be slightly ahead of it.
    """
    await insert_new(tx, WATCH, [{"name": "expiry"}])
    row = await tx.row(free_only(select(WATCH)))
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
) -> Part[PaymentSummary]:
    """Return one page of the served payments, newest first unless sorted, and their number."""
    found = _served(owner)
    if reservation_id is not None:
        found = found.where(PAYMENT.c.reservation_id == reservation_id)
    return await PAYMENTS.page(tx, found, paging, sortable=SORTABLE, then=NEWEST_FIRST)


async def _complete(tx: Tx, locked: Iterable[PaymentSummary]) -> list[Payment]:
    """Return locked payments with all attempts of each, the oldest first; remember both."""
    summaries = list(locked)
    attempts = await _attempts(tx, [one.reservation_id for one in summaries if one.attempted])
    whole = [one.with_attempts(tuple(attempts[one.reservation_id])) for one in summaries]
    for payment in whole:
        PAYMENTS.remember(tx, payment)
        for attempt in payment.attempts:
            ATTEMPTS.remember(tx, attempt)
    return whole


async def _attempts(tx: Tx, reservation_ids: list[UUID]) -> Mapping[UUID, list[Attempt]]:
    found: defaultdict[UUID, list[Attempt]] = defaultdict(list)
    for row in await tx.rows(_ATTEMPTS, {"among": reservation_ids}) if reservation_ids else ():
        found[row["reservation_id"]].append(ATTEMPTS.state(row))
    return found


def _served(owner: str | None) -> Select[Any]:
    found = select(PAYMENT).where(SERVED)
    return found if owner is None else found.where(PAYMENT.c.user_id == owner)
