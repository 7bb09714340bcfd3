"""Look whether the provider has, after all, taken money of attempts that it had declined."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from roadbike.kit.db import Database, Tx
from roadbike.payment import domain, store
from roadbike.payment.domain import Attempt
from roadbike.payment.providers import Provider, Snapshot, Unknown
from roadbike.payment.use_cases.pay import ANSWER_TIMEOUT_SECONDS, charge_of, with_snapshot
from roadbike.payment.use_cases.settle import settle

log = structlog.get_logger()

LOOK_BATCH: Final = 50  # payments

Answers = Sequence[tuple[Attempt, Snapshot]]


@dataclass(frozen=True, slots=True)
class LateMoney:
    """Looks three times at each payment with declined attempts, and asks about all of them.

    It is timed work of its own, so that unknown outcomes do not wait for it.
    """

    provider: Provider

    async def look(self, db: Database) -> None:
        """Look at all payments that are due for it, each once."""
        done: set[UUID] = set()
        while due := await _due(db, done):
            for reservation_id, attempts in due.items():
                done.add(reservation_id)
                await self._look_at(db, reservation_id, attempts)

    async def _look_at(
        self, db: Database, reservation_id: UUID, attempts: Sequence[Attempt]
    ) -> None:
        asked = [(one, await self._snapshot(one)) for one in attempts]
        answers = [(one, snapshot) for one, snapshot in asked if snapshot is not None]
        complete = len(answers) == len(attempts)
        await db.transact(lambda tx: learn_late(tx, reservation_id, answers, complete=complete))

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


async def learn_late(tx: Tx, reservation_id: UUID, answers: Answers, *, complete: bool) -> None:
    """Note what the provider knows of declined attempts, and settle their payment.

    complete: the provider has answered about all of them.
    """
    payment = await store.locked(tx, reservation_id)
    assert payment is not None  # looks are planned for stored payments only
    for attempt, snapshot in answers:
        payment = await with_snapshot(tx, payment, attempt, snapshot)
    settle(tx, domain.looked(payment, await tx.now(), complete=complete))


async def _due(db: Database, done: set[UUID]) -> dict[UUID, Sequence[Attempt]]:
    async with db.read() as tx:
        found = await store.to_look_at(tx, LOOK_BATCH)
    return {id_: attempts for id_, attempts in found.items() if id_ not in done}
