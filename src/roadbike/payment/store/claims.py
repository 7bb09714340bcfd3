"""What timed work of payment claims, so that replicas share it (see `roadbike.kit.db.claims`).

The provider is asked while no transaction is open. So a claim sets the next time of the row ahead,
and it can be claimed again when that time has come without an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, and_, or_, select, update

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import Update
from roadbike.kit.db.claims import claim_due, free_only
from roadbike.kit.db.times import is_due
from roadbike.payment.domain import Attempt, Outcome, Refund
from roadbike.payment.domain.attempts import LONGEST_WAIT, LOOKS
from roadbike.payment.store.tables import (
    ATTEMPT,
    ATTEMPTS,
    IS_OWED,
    IS_UNKNOWN,
    PAYMENT,
    PAYMENTS,
)

CLAIMED_FOR: Final = timedelta(seconds=15)  # longer than the provider may take for an answer
OF_ATTEMPT: Final = PAYMENT.c.reservation_id == ATTEMPT.c.reservation_id
SET_LOOK: Final = Update(PAYMENT, "reservation_id", ["look_at"])

Claimed = tuple[Sequence[Attempt], Sequence[Attempt]]  # not asked about before, and asked in vain


@dataclass(frozen=True, slots=True)
class Look:
    """A look at one payment, claimed `until` then, which is its `look_at` meanwhile.

    attempts: its declined ones, to ask the provider about.
    """

    reservation_id: UUID
    until: datetime
    attempts: Sequence[Attempt]


async def claim_unknown(tx: Tx, new: int, again: int) -> Claimed:
    """Claim attempts with an unknown outcome whose `check_at` has come, the earliest first."""
    is_time = is_due(ATTEMPT.c.check_at, await tx.now(), LONGEST_WAIT)
    return await _claim_both(tx, and_(IS_UNKNOWN, is_time), ATTEMPT.c.check_at, new, again)


async def claim_kept(tx: Tx, new: int, again: int) -> Claimed:
    """Claim attempts with money that we keep, for a look whether the provider has refunded it."""
    is_kept = (ATTEMPT.c.outcome == Outcome.CAPTURED) & (ATTEMPT.c.refund == Refund.NONE)
    due = is_kept & (ATTEMPT.c.check_at <= await tx.now())
    return await _claim_both(tx, due, ATTEMPT.c.check_at, new, again)


async def claim_owed(tx: Tx, new: int, again: int) -> Claimed:
    """Claim attempts with a refund owed, except those whose next try comes later."""
    # `is_due` also takes the next day's look, which earlier code has left in that column
    is_time = is_due(ATTEMPT.c.check_at, await tx.now(), LONGEST_WAIT)
    due = and_(IS_OWED, or_(ATTEMPT.c.check_at.is_(None), is_time))
    return await _claim_both(tx, due, ATTEMPT.c.attempt_id, new, again)


async def _claim_both(
    tx: Tx, due: ColumnElement[bool], order: Column[Any], new: int, again: int
) -> Claimed:
    """Claim attempts that the provider has left no question about unanswered, and others."""
    fresh = await _claim(tx, due & (ATTEMPT.c.unanswered == 0), order, new)
    tried = due & (ATTEMPT.c.unanswered > 0)
    room = min(again, new - len(fresh))
    return fresh, await _claim(tx, tried, ATTEMPT.c.check_at, room)


async def _claim(
    tx: Tx, due: ColumnElement[bool], order: Column[Any], at_most: int
) -> Sequence[Attempt]:
    """Claim attempts that nobody has locked, nor their payment: for CLAIMED_FOR they are ours."""
    if at_most <= 0:
        return []
    found = select(ATTEMPT).join(PAYMENT, OF_ATTEMPT).where(due).order_by(order).limit(at_most)
    rows = await tx.rows(free_only(found, ATTEMPT, PAYMENT))
    if rows:
        claimed = update(ATTEMPT).where(ATTEMPT.c.attempt_id.in_([r["attempt_id"] for r in rows]))
        await tx.execute(claimed.values(check_at=(await tx.now()) + CLAIMED_FOR))
    return [ATTEMPTS.state(row) for row in rows]


async def claim_looks(tx: Tx, at_most: int) -> Sequence[Look]:
    """Claim the looks at payments whose `look_at` has come, the earliest first."""
    due = select(PAYMENT.c.reservation_id)
    rows = await claim_due(tx, due, PAYMENT.c.look_at, at_most, longest=LOOKS[-1])
    attempts: dict[UUID, list[Attempt]] = {row["reservation_id"]: [] for row in rows}
    of_them = ATTEMPT.c.reservation_id.in_(attempts)
    declined = select(ATTEMPT).where(of_them, ATTEMPT.c.outcome == Outcome.NOT_CAPTURED)
    for row in await tx.rows(declined.order_by(ATTEMPT.c.attempt_id)) if rows else ():
        attempts[row["reservation_id"]].append(ATTEMPTS.state(row))
    now = await tx.now()
    looks = [
        Look(id_, now + max(len(asked), 1) * CLAIMED_FOR, asked) for id_, asked in attempts.items()
    ]
    until = [{"reservation_id": look.reservation_id, "look_at": look.until} for look in looks]
    await SET_LOOK.execute(tx, until)
    return looks


async def claim_unpaid(tx: Tx, before: datetime, at_most: int) -> Sequence[UUID]:
    """Lock payments that were opened before that time and are still due; return their ids."""
    is_old = (PAYMENT.c.payment_status == PaymentStatus.DUE) & (PAYMENT.c.opened_at < before)
    found = select(PAYMENT).where(is_old).order_by(PAYMENT.c.opened_at).limit(at_most)
    claimed = PAYMENTS.remember_claimed(tx, await tx.rows(free_only(found)))
    return [payment.reservation_id for payment in claimed]
