"""What timed work of payment claims, so that replicas share it (see `roadbike.kit.db.claims`).

The provider is asked while no transaction is open. So a claim sets the next time of the row ahead,
and it can be claimed again when that time has come without an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, and_, or_, select

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import Update
from roadbike.kit.db.claims import AT_MOST, DueRows, free_statement
from roadbike.kit.db.statements import Statement
from roadbike.kit.db.times import BEFORE, due_values, ranges_of_due
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
SET_CHECK: Final = Update(ATTEMPT, "attempt_id", ["check_at"])
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


class _Attempts:
    """Attempts to claim, those first that the provider has left no question about unanswered."""

    def __init__(self, due: ColumnElement[bool], order: Column[Any]) -> None:
        self._fresh = self._statement(due & (ATTEMPT.c.unanswered == 0), order)
        self._tried = self._statement(due & (ATTEMPT.c.unanswered > 0), ATTEMPT.c.check_at)

    async def claim(self, tx: Tx, new: int, again: int) -> Claimed:
        """Claim attempts that nobody has locked, nor their payment, for CLAIMED_FOR."""
        fresh = await self._claim(tx, self._fresh, new)
        return fresh, await self._claim(tx, self._tried, min(again, new - len(fresh)))

    async def _claim(self, tx: Tx, found: Statement, at_most: int) -> Sequence[Attempt]:
        if at_most <= 0:
            return []
        now = await tx.now()
        rows = await tx.rows(found, {**due_values(now, LONGEST_WAIT), AT_MOST.key: at_most})
        claimed = [{"attempt_id": row["attempt_id"], "check_at": now + CLAIMED_FOR} for row in rows]
        await SET_CHECK.execute(tx, claimed)
        return [ATTEMPTS.state(row) for row in rows]

    def _statement(self, due: ColumnElement[bool], order: Column[Any]) -> Statement:
        found = select(ATTEMPT).join(PAYMENT, OF_ATTEMPT).where(due).order_by(order).limit(AT_MOST)
        return free_statement(found, ATTEMPT, PAYMENT)


IS_TIME: Final = or_(*ranges_of_due(ATTEMPT.c.check_at))
IS_KEPT: Final = (ATTEMPT.c.outcome == Outcome.CAPTURED) & (ATTEMPT.c.refund == Refund.NONE)
UNKNOWN: Final = _Attempts(and_(IS_UNKNOWN, IS_TIME), ATTEMPT.c.check_at)
KEPT: Final = _Attempts(IS_KEPT & (ATTEMPT.c.check_at <= BEFORE), ATTEMPT.c.check_at)
# IS_TIME also takes the next day's look, which earlier code has left in that column
OWED: Final = _Attempts(
    and_(IS_OWED, or_(ATTEMPT.c.check_at.is_(None), IS_TIME)), ATTEMPT.c.attempt_id
)
LOOKED_AT: Final = DueRows(select(PAYMENT.c.reservation_id), PAYMENT.c.look_at)
UNPAID: Final = free_statement(
    select(PAYMENT)
    .where(PAYMENT.c.payment_status == PaymentStatus.DUE, PAYMENT.c.opened_at < BEFORE)
    .order_by(PAYMENT.c.opened_at)
    .limit(AT_MOST)
)


async def claim_unknown(tx: Tx, new: int, again: int) -> Claimed:
    """Claim attempts with an unknown outcome whose `check_at` has come, the earliest first."""
    return await UNKNOWN.claim(tx, new, again)


async def claim_kept(tx: Tx, new: int, again: int) -> Claimed:
    """Claim attempts with money that we keep, for a look whether the provider has refunded it."""
    return await KEPT.claim(tx, new, again)


async def claim_owed(tx: Tx, new: int, again: int) -> Claimed:
    """Claim attempts with a refund owed, except those whose next try comes later."""
    return await OWED.claim(tx, new, again)


async def claim_looks(tx: Tx, at_most: int) -> Sequence[Look]:
    """Claim the looks at payments whose `look_at` has come, the earliest first."""
    rows = await LOOKED_AT.claim(tx, at_most, longest=LOOKS[-1])
    if not rows:
        return []
    attempts: dict[UUID, list[Attempt]] = {row["reservation_id"]: [] for row in rows}
    of_them = ATTEMPT.c.reservation_id.in_(attempts)
    declined = select(ATTEMPT).where(of_them, ATTEMPT.c.outcome == Outcome.NOT_CAPTURED)
    for row in await tx.rows(declined.order_by(ATTEMPT.c.attempt_id)):
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
    found = await tx.rows(UNPAID, {BEFORE.key: before, AT_MOST.key: at_most})
    claimed = PAYMENTS.remember_claimed(tx, found)
    return [payment.reservation_id for payment in claimed]
