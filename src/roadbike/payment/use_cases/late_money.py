"""Look whether the provider has, after all, taken money of attempts that it had declined."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from roadbike.kit.db import Database, Tx
from roadbike.kit.db.claims import Notes, work_on_claimed
from roadbike.payment import domain, store
from roadbike.payment.domain import Attempt
from roadbike.payment.providers import Provider, Snapshot, Unknown
from roadbike.payment.store import Look
from roadbike.payment.use_cases.pay import ANSWER_TIMEOUT_SECONDS, charge_of, with_snapshot
from roadbike.payment.use_cases.settle import settle

log = structlog.get_logger()

Answers = Sequence[tuple[Attempt, Snapshot]]


@dataclass(frozen=True, slots=True)
class LateMoney:
    """Looks three times at each payment with declined attempts, and asks about all of them.

    It is timed work of its own, so that unknown outcomes do not wait for it.
    """

    provider: Provider

    async def look(self, db: Database) -> None:
        """Look at all payments that are due for it, each once."""
        notes = Notes(db)

        async def claim(new: int, again: int) -> tuple[Sequence[Look], Sequence[Look]]:  # noqa: ARG001
            return await db.transact(partial(store.claim_looks, at_most=new)), []

        async def work(look: Look) -> None:
            asked = [(one, await self._snapshot(one)) for one in look.attempts]
            answers = [(one, snapshot) for one, snapshot in asked if snapshot is not None]
            await notes.write(partial(learn_late, look=look, answers=answers))

        await work_on_claimed(claim, work)

    async def _snapshot(self, attempt: Attempt) -> Snapshot | None:
        """Return what the provider knows of an attempt; None when it gives no usable answer."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                return await self.provider.fetch(charge_of(attempt))
        except (Unknown, TimeoutError) as unknown:
            log.warning("payment.unknown", attempt_id=str(attempt.attempt_id), why=repr(unknown))
        except Exception:
            log.exception("attempt.failed", attempt_id=str(attempt.attempt_id))
        return None


async def learn_late(tx: Tx, look: Look, answers: Answers) -> bool:
    """Note what the provider knows of declined attempts, and settle their payment.

    answers: about all of them, or the look is made again. Return False when somebody else has the
    payment locked.
    """
    if not await store.lock_free(tx, [look.reservation_id]):
        return False
    payment = await store.locked(tx, look.reservation_id)
    assert payment is not None  # looks are planned for stored payments only
    for attempt, snapshot in answers:
        payment = await with_snapshot(tx, payment, attempt, snapshot)
    complete = len(answers) == len(look.attempts)
    settle(tx, domain.looked(payment, look.until, await tx.now(), complete=complete))
    return True
