"""Get the money: the attempt is committed before the provider is asked, and never asked twice."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.crash import Crash, never_crash
from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.db.ids import new_id
from roadbike.payment import domain, store
from roadbike.payment.domain import Payment
from roadbike.payment.domain.attempts import Attempt, Outcome
from roadbike.payment.providers import Approved, Charge, Provider, Snapshot, Unknown
from roadbike.payment.use_cases.settle import keep, settle

log = structlog.get_logger()

AT_ONCE: Final = 50
PATIENCE_SECONDS: Final = 1.5  # with the provider, while the buyer waits

Due = Callable[[Tx, int], Awaitable[Sequence[Attempt]]]


class Cashier:
    """Moves money between the provider and our ledger. No transaction is open while it asks."""

    def __init__(self, db: Database, provider: Provider, crash: Crash = never_crash) -> None:
        self.db, self.provider, self.crash = db, provider, crash

    async def pay(self, payment_id: UUID, token: str, *, owner: str | None) -> Payment:
        """Capture the payment: paid, due again when declined, or confirming while unknown.

        Raises NotFound, NotPayable.
        """
        payment, attempt = await self.db.transact(
            lambda tx: begin(tx, payment_id, token, owner=owner)
        )
        if attempt is None:
            return payment  # paid, or being paid by another request
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcome = await self._ask(_charge(payment, attempt))
        except (Unknown, TimeoutError) as unknown:
            log.warning("payment.unknown", attempt_id=str(attempt.attempt_id), why=str(unknown))
            return payment
        paid = await self.db.transact(lambda tx: learn(tx, attempt, outcome))
        self.crash("capture.after_commit")
        return paid

    async def finish_unknown(self, _db: Database) -> None:
        """Ask what became of attempts that nobody knows the outcome of; late money is found too."""
        await self._each(store.to_check, self._check)

    async def refund_owed(self, _db: Database) -> None:
        """Give back what is owed, each attempt's money once."""
        await self._each(store.to_refund, self._refund)

    async def _each(self, due: Due, work: Callable[[Attempt], Awaitable[None]]) -> None:
        """Work on all that is due, each once; one that fails holds up none behind it."""
        done: set[UUID] = set()
        while attempts := [one for one in await self._read(due) if one.attempt_id not in done]:
            for attempt in attempts:
                done.add(attempt.attempt_id)
                try:
                    await work(attempt)
                except DatabaseUnavailable:
                    raise
                except Exception:
                    log.exception("attempt.failed", attempt_id=str(attempt.attempt_id))
                    await self.db.transact(partial(look_again, attempt=attempt))

    async def _read(self, due: Due) -> Sequence[Attempt]:
        async with self.db.read() as tx:
            return await due(tx, AT_ONCE)

    async def _ask(self, charge: Charge) -> Snapshot:
        self.crash("capture.before_call")
        await self.provider.open(charge)
        answer = await self.provider.confirm(charge)
        self.crash("capture.after_call")
        captured = answer.provider_id if isinstance(answer, Approved) else None
        return Snapshot(captured=captured, refunded=None)

    async def _check(self, attempt: Attempt) -> None:
        charge = await self._charge_of(attempt)
        try:
            snapshot = await self.provider.fetch(charge)
        except Unknown as unknown:
            log.warning("payment.unknown", attempt_id=str(attempt.attempt_id), why=str(unknown))
            await self.db.transact(lambda tx: look_again(tx, attempt))
        else:
            await self.db.transact(lambda tx: learn(tx, attempt, snapshot))

    async def _refund(self, attempt: Attempt) -> None:
        charge = await self._charge_of(attempt)
        self.crash("refund.before_call")
        try:
            refunded = await self.provider.cancel(charge, "reservation cancelled")
        except Unknown as unknown:
            log.warning("refund.unknown", attempt_id=str(attempt.attempt_id), why=str(unknown))
            await self.db.transact(lambda tx: look_again(tx, attempt))  # by the same attempt
            return
        self.crash("refund.after_call")
        await self.db.transact(lambda tx: refund_done(tx, attempt, refunded))

    async def _charge_of(self, attempt: Attempt) -> Charge:
        async with self.db.read() as tx:
            return _charge(await store.locked(tx, attempt.reservation_id), attempt)


async def begin(
    tx: Tx, payment_id: UUID, token: str, *, owner: str | None
) -> tuple[Payment, Attempt | None]:
    """Commit to one attempt; none is begun for what is paid or being paid. Raises NotPayable."""
    payment = await store.locked_by_id(tx, payment_id, owner=owner)
    if payment.payment_status in {PaymentStatus.PAID, PaymentStatus.CONFIRMING}:
        return payment, None
    confirming, events = domain.attempt(payment, new_id(), token, await tx.now())
    keep(tx, confirming, events)
    return confirming, confirming.attempts[-1]


async def learn(tx: Tx, attempt: Attempt, snapshot: Snapshot) -> Payment:
    """Take in what the provider says of an attempt."""
    payment = await store.locked(tx, attempt.reservation_id)
    outcome = Outcome.CAPTURED if snapshot.captured else Outcome.NOT_CAPTURED
    known = domain.with_outcome(payment, attempt.attempt_id, outcome)
    if snapshot.captured:
        await store.keep_money(tx, payment, attempt.attempt_id, "capture", snapshot.captured)
    if snapshot.refunded:
        await store.keep_money(tx, payment, attempt.attempt_id, "refund", snapshot.refunded)
        known = domain.with_refund(known, attempt.attempt_id)
    return settle(tx, domain.checked(known, attempt.attempt_id, await tx.now()))


async def look_again(tx: Tx, attempt: Attempt) -> None:
    """Nothing was learnt; ask again a little later."""
    payment = await store.locked(tx, attempt.reservation_id)
    store.save(tx, domain.unanswered(payment, attempt.attempt_id, await tx.now()))


async def refund_done(tx: Tx, attempt: Attempt, provider_id: str) -> None:
    payment = await store.locked(tx, attempt.reservation_id)
    await store.keep_money(tx, payment, attempt.attempt_id, "refund", provider_id)
    settle(tx, domain.with_refund(payment, attempt.attempt_id))


def _charge(payment: Payment, attempt: Attempt) -> Charge:
    assert payment.price is not None  # an attempt is made of an opened payment only
    return Charge(attempt_id=attempt.attempt_id, amount=payment.price, token=attempt.token)
